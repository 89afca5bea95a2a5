import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PlatformProcess } from '#testing/platform-process';
import { startUpstream } from '../targets/upstream';
import { crashCluster } from './cluster/run-cluster';
import { CrashTest } from './crash-test';
import { type CrashOptions, HELP, readOptions } from './options';
import { Violations } from './violations';

const TELL_EVERY_KILLS = 10;

/** Runs the crash test on one embedded platform. @returns the lines of its report. */
async function crashPlatform(options: CrashOptions, directory: string, violations: Violations): Promise<string[]> {
  const upstreamLog = join(directory, 'upstream.jsonl');
  const upstream = await startUpstream(upstreamLog);
  try {
    // Without the demo every ledger in the record is one of the test's own.
    const environment = { AIAAS_DEMO: 'off' };
    const platform = await PlatformProcess.start({ environment, dataDir: join(directory, 'data') });
    const test = new CrashTest(platform, options, violations, upstreamLog);
    const { report } = test;
    try {
      await test.run(upstream.baseUrl, ({ kills }) => {
        if (kills % TELL_EVERY_KILLS === 0)
          process.stderr.write(`${kills} kills, ${report.calls.total} calls, ${violations.count} violations\n`);
      });
    } finally {
      await platform.kill();
    }
    return [
      `kills        ${report.kills}, of which ${report.killsInStart} during a start`,
      ...report.calls.lines,
      `upstream     ${report.upstreamCalls} calls`,
      `record       ${report.events} events, ${report.unresolved} calls left unresolved`,
      `rest spent   ${report.restPercent} %`,
    ];
  } finally {
    upstream.stop();
  }
}

async function crash(options: CrashOptions): Promise<boolean> {
  const startedMs = performance.now();
  const directory = mkdtempSync(join(tmpdir(), 'aiaas-crash-'));
  const violations = new Violations((sentence) => process.stderr.write(`VIOLATION: ${sentence}\n`));
  try {
    const run = options.mode === 'embedded' ? crashPlatform : crashCluster;
    const report = await run(options, directory, violations);
    const lines = [
      ...violations.sentences.map((sentence) => `VIOLATION: ${sentence}`),
      ...report,
      `violations   ${violations.count}`,
      `seed         ${options.seed}`,
      `seconds      ${Math.round((performance.now() - startedMs) / 1_000)}`,
    ];
    process.stdout.write(`${lines.join('\n')}\n`);
    return violations.count === 0;
  } finally {
    // What a violation comes from is in there.
    if (violations.count === 0) rmSync(directory, { recursive: true, force: true });
    else process.stderr.write(`record and logs are kept in ${directory}\n`);
  }
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2), randomInt(1, 1_000_000_000));
  if (options === 'help') process.stdout.write(HELP);
  else {
    process.stderr.write(`seed ${options.seed}\n`);
    if (!(await crash(options))) process.exitCode = 1;
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
});
