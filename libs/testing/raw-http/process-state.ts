import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** How many descriptors a process has open; `undefined` where the system does not tell. */
export function openDescriptors(pid: number | undefined): number | undefined {
  const directory = `/proc/${pid}/fd`;
  return existsSync(directory) ? readdirSync(directory).length : undefined;
}

/** The most memory that a process has had so far, in MiB; `undefined` where the system does not tell. */
export function peakMemoryMiB(pid: number | undefined): number | undefined {
  const file = `/proc/${pid}/status`;
  if (!existsSync(file)) return undefined;
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(file, 'utf8'))?.[1]) / 1_024;
}

const POLL_MS = 50;
const EVENTUALLY_MS_MAX = 45_000;

/** Asks again until something holds. @throws Error with the last answer when it does not in time. */
export async function eventually<T>(ask: () => T | Promise<T>, holds: (answer: T) => boolean): Promise<T> {
  const endMs = performance.now() + EVENTUALLY_MS_MAX;
  for (;;) {
    const answer = await ask();
    if (holds(answer)) return answer;
    if (performance.now() > endMs) throw new Error(`it never came to that; the last answer was ${String(answer)}`);
    await sleep(POLL_MS);
  }
}
