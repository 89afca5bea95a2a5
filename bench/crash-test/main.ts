import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PlatformProcess } from '#testing/platform-process';
import { startUpstream } from '../targets/upstream';
import { type CrashReport, CrashTest } from './crash-test';
import { type CrashOptions, HELP, readOptions } from './options';
import { Violations } from './violations';

const TELL_EVERY_KILLS = 10;

function summary(report: CrashReport, violations: Violations, seed: number, seconds: number): string {
  const refused = Object.entries(report.refused).map(([code, count]) => `${code}: ${count}`);
  const lines = [
    `kills        ${report.kills}, of which ${report.killsInStart} during a start`,
    `calls        ${report.calls}: ${report.acknowledged} acknowledged (${report.replayed} replays), ${report.broken} cut off`,
    `other ends   ${refused.join(', ') || 'none'}`,
    `upstream     ${report.upstreamCalls} calls`,
    `record       ${report.events} events, ${report.unresolved} calls left unresolved`,
    `rest spent   ${report.restPercent} %`,
    `violations   ${violations.count}`,
    `seed         ${seed}`,
    `seconds      ${Math.round(seconds)}`,
  ];
  return `${[...violations.sentences.map((sentence) => `VIOLATION: ${sentence}`), ...lines].join('\n')}\n`;
}

async function crash(options: CrashOptions): Promise<boolean> {
  const startedMs = performance.now();
  const directory = mkdtempSync(join(tmpdir(), 'aiaas-crash-'));
  const upstreamLog = join(directory, 'upstream.jsonl');
  const upstream = await startUpstream(upstreamLog);
  try {
    // Without the demo every ledger in the record is one of the test's own.
    const environment = { AIAAS_DEMO: 'off' };
    const platform = await PlatformProcess.start({ environment, dataDir: join(directory, 'data') });
    const test = new CrashTest(platform, options, upstreamLog);
    try {
      await test.run(upstream.baseUrl, ({ kills }) => {
        if (kills % TELL_EVERY_KILLS === 0)
          process.stderr.write(`${kills} kills, ${test.report.calls} calls, ${test.violations.count} violations\n`);
      });
    } finally {
      await platform.kill();
    }
    const seconds = (performance.now() - startedMs) / 1_000;
    process.stdout.write(summary(test.report, test.violations, options.seed, seconds));
    return test.violations.count === 0;
  } finally {
    upstream.stop();
    rmSync(directory, { recursive: true, force: true });
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
