import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fixed, type SectionResult } from '../figures';
import { buildLedger } from '../ledger-load/build';
import { forkReady } from '../support/child';
import { median } from '../support/statistics';

const LOADS = 5;
const LOAD_MS_MAX = 300;

interface Load {
  readonly ms: number;
  readonly uncarriedEvents: number;
  readonly carryBytes: number;
  readonly open: number;
}

/** Makes a ledger of so many events, and loads it in a fresh process each time, as a start does. */
export async function benchLedger(
  directory: string,
  events: number,
  tell: (progress: string) => void,
): Promise<SectionResult> {
  mkdirSync(directory, { recursive: true });
  tell(`making a ledger of ${events} events`);
  const built = await buildLedger(join(directory, 'ledger'), events);
  tell(`made in ${fixed(built.seconds, 0)} s`);
  const loads: Load[] = [];
  for (let load = 0; load < LOADS; load += 1) {
    const { child, message } = await forkReady<Load>(join(__dirname, '../ledger-load/load.js'), [
      join(directory, 'ledger'),
      built.orgId,
    ]);
    if (child.exitCode === null) await new Promise((resolve) => child.once('exit', resolve));
    loads.push(message);
  }
  const ms = median(loads.map((load) => load.ms));
  const [one] = loads;
  return {
    title: `Loading a ledger of ${built.events} events`,
    columns: ['load', 'ms'],
    rows: [
      [`middle of ${LOADS}, each in a fresh process`, fixed(ms, 0)],
      ['fastest', fixed(Math.min(...loads.map((load) => load.ms)), 0)],
      ['slowest', fixed(Math.max(...loads.map((load) => load.ms)), 0)],
    ],
    notes: [
      `Its carry has ${one?.carryBytes ?? 0} bytes, ${one?.uncarriedEvents ?? 0} events follow it, ${one?.open ?? 0} calls are open; made in ${fixed(built.seconds, 0)} s.`,
    ],
    aims: [
      {
        what: `a ledger of ${built.events} events loaded`,
        aim: `≤ ${LOAD_MS_MAX} ms`,
        measured: `${fixed(ms, 0)} ms`,
        isMet: ms <= LOAD_MS_MAX,
      },
    ],
    figures: { events: Number(built.events), buildSeconds: built.seconds, loads },
  };
}
