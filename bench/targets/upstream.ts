import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Target, UPSTREAM_MODELS } from './target';

/** The mock upstream in a process of its own. */
export interface Upstream {
  readonly target: Target;
  readonly baseUrl: string;
  stop(): void;
}

export async function startUpstream(logFile?: string): Promise<Upstream> {
  const main = join(__dirname, '../../libs/testing/mock-upstream/main.js');
  const args = logFile === undefined ? [] : ['--log', logFile];
  const child: ChildProcess = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const { stdout } = child;
  if (stdout === null) throw new Error('the upstream was started without a pipe');
  const baseUrl = await new Promise<string>((resolve, reject) => {
    createInterface({ input: stdout }).once('line', (line) =>
      resolve((JSON.parse(line) as { baseUrl: string }).baseUrl),
    );
    child.once('exit', (code) => reject(new Error(`the upstream ended with ${code}`)));
  });
  const target: Target = {
    name: 'upstream',
    port: Number(new URL(baseUrl).port),
    pid: child.pid,
    headers: { 'content-type': 'application/json' },
    model: (kind) => UPSTREAM_MODELS[kind],
  };
  return { target, baseUrl, stop: () => child.kill() };
}
