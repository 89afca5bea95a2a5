import { parseArgs } from 'node:util';

export const SECTIONS = ['disk', 'start', 'calls', 'embeddings', 'memory', 'ledger', 'hostile', 'reads'] as const;
/** Reads take many minutes, most of them to make a record and a year. */
const ASKED_FOR_ONLY: readonly Section[] = ['reads'];
export type Section = (typeof SECTIONS)[number];

/** Of several gateways on one EventStoreDB. */
export interface DistributedOptions {
  /** How many gateways at a time; the fewest are what the others are compared with. */
  readonly gateways: readonly number[];
  /** Of the load that is spread over many. */
  readonly organizations: number;
  readonly connections: readonly number[];
  readonly rounds: number;
  readonly seconds: number;
}

export interface BenchOptions {
  readonly mode: 'embedded' | 'distributed';
  readonly distributed: DistributedOptions;
  /** Of each measured run of calls. */
  readonly seconds: number;
  /** The same of embeddings, which are alike for every length of answer. */
  readonly embeddingSeconds: number;
  /** How often each target is measured, in turn with the others. */
  readonly rounds: number;
  readonly connections: readonly number[];
  /** Of the minute of load, in which memory must stay flat. */
  readonly memorySeconds: number;
  readonly ledgerEvents: number;
  /** Of the record that views are built from. */
  readonly readEvents: number;
  /** Of the year that is queried. */
  readonly readCalls: number;
  readonly only: readonly Section[];
  /** Where the platform's data lies; the disk under it decides what durability costs. */
  readonly dataParent: string | undefined;
  readonly json: string | undefined;
}

export const HELP = `Usage: npm run bench -- [options]
  --mode M            embedded or distributed (embedded)
  --seconds N         seconds of each measured run of calls (4)
  --embedding-seconds N  the same for embeddings (2)
  --rounds N          how often each target is measured, in turn with the others (3)
  --connections LIST  (1,32,128; distributed: 3,30,96)
  --memory-seconds N  seconds of load in which memory is watched (60)
  --ledger-events N   events of the ledger that is loaded (1000000; takes minutes to make)
  --read-events N     events that the views are built from (1000000)
  --read-calls N      calls of the year that is queried (5000000)
  --only LIST         some of ${SECTIONS.join(', ')};
                      all but ${ASKED_FOR_ONLY.join(', ')} unless told otherwise
  --data DIR          where the platform's data is made (the directory for temporary files)
  --json FILE         writes all figures there

Distributed only, where --only says nothing: on the protocol double, on the server that EVENTSTOREDB_URL names, or on the
one that EVENTSTOREDB_SERVER_COMMAND starts, a shell command that stays in the foreground, with {port} and {data} in it.
  --gateways LIST     how many gateways at a time (1,3)
  --organizations N   that the spread load is of (100)
`;

function whole(name: string, text: string, min: number): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < min) throw new Error(`--${name} is a whole number of at least ${min}`);
  return value;
}

const CONNECTIONS = { embedded: '1,32,128', distributed: '3,30,96' } as const;

function modeOf(text: string): BenchOptions['mode'] {
  if (text !== 'embedded' && text !== 'distributed')
    throw new Error(`--mode takes embedded or distributed, not ${text}`);
  return text;
}

function wholes(name: string, text: string): readonly number[] {
  return text.split(',').map((one) => whole(name, one, 1));
}

/** @throws Error with a sentence when an option cannot be used. */
export function readOptions(args: readonly string[]): BenchOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: 'string', default: '4' },
      'embedding-seconds': { type: 'string', default: '2' },
      rounds: { type: 'string', default: '3' },
      mode: { type: 'string', default: 'embedded' },
      gateways: { type: 'string', default: '1,3' },
      organizations: { type: 'string', default: '100' },
      connections: { type: 'string' },
      'memory-seconds': { type: 'string', default: '60' },
      'ledger-events': { type: 'string', default: '1000000' },
      'read-events': { type: 'string', default: '1000000' },
      'read-calls': { type: 'string', default: '5000000' },
      only: { type: 'string', default: SECTIONS.filter((section) => !ASKED_FOR_ONLY.includes(section)).join(',') },
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
  const mode = modeOf(values.mode);
  const [seconds, rounds] = [whole('seconds', values.seconds, 1), whole('rounds', values.rounds, 1)];
  const connections = wholes('connections', values.connections ?? CONNECTIONS[mode]);
  const gateways = wholes('gateways', values.gateways);
  const organizations = whole('organizations', values.organizations, 1);
  return {
    mode,
    distributed: { gateways, organizations, connections, rounds, seconds },
    seconds,
    embeddingSeconds: whole('embedding-seconds', values['embedding-seconds'], 1),
    rounds,
    connections,
    memorySeconds: whole('memory-seconds', values['memory-seconds'], 12),
    ledgerEvents: whole('ledger-events', values['ledger-events'], 1_000),
    readEvents: whole('read-events', values['read-events'], 1_000),
    readCalls: whole('read-calls', values['read-calls'], 1_000),
    only,
    dataParent: values.data,
    json: values.json,
  };
}
