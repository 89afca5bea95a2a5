import { parseArgs } from 'node:util';

export const SECTIONS = ['disk', 'start', 'calls', 'memory', 'ledger'] as const;
export type Section = (typeof SECTIONS)[number];

export interface BenchOptions {
  /** Of each measured run of calls. */
  readonly seconds: number;
  /** How often each target is measured, in turn with the others. */
  readonly rounds: number;
  readonly connections: readonly number[];
  /** Of the minute of load, in which memory must stay flat. */
  readonly memorySeconds: number;
  readonly ledgerEvents: number;
  readonly only: readonly Section[];
  /** Where the platform's data lies; the disk under it decides what durability costs. */
  readonly dataParent: string | undefined;
  readonly json: string | undefined;
}

export const HELP = `Usage: npm run bench -- [options]
  --seconds N         seconds of each measured run of calls (4)
  --rounds N          how often each target is measured, in turn with the others (3)
  --connections LIST  (1,32,128)
  --memory-seconds N  seconds of load in which memory is watched (60)
  --ledger-events N   events of the ledger that is loaded (1000000; takes minutes to make)
  --only LIST         some of ${SECTIONS.join(', ')}
  --data DIR          where the platform's data is made (the directory for temporary files)
  --json FILE         writes all figures there
`;

function whole(name: string, text: string, min: number): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < min) throw new Error(`--${name} is a whole number of at least ${min}`);
  return value;
}

/** @throws Error with a sentence when an option cannot be used. */
export function readOptions(args: readonly string[]): BenchOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: 'string', default: '4' },
      rounds: { type: 'string', default: '3' },
      connections: { type: 'string', default: '1,32,128' },
      'memory-seconds': { type: 'string', default: '60' },
      'ledger-events': { type: 'string', default: '1000000' },
      only: { type: 'string', default: SECTIONS.join(',') },
      data: { type: 'string' },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const only = values.only.split(',').map((name) => {
    const section = SECTIONS.find((one) => one === name);
    if (section === undefined) throw new Error(`--only takes ${SECTIONS.join(', ')}, not ${name}`);
    return section;
  });
  return {
    seconds: whole('seconds', values.seconds, 1),
    rounds: whole('rounds', values.rounds, 1),
    connections: values.connections.split(',').map((one) => whole('connections', one, 1)),
    memorySeconds: whole('memory-seconds', values['memory-seconds'], 12),
    ledgerEvents: whole('ledger-events', values['ledger-events'], 1_000),
    only,
    dataParent: values.data,
    json: values.json,
  };
}
