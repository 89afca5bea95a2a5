import { parseArgs } from 'node:util';

export interface CrashOptions {
  readonly mode: 'embedded' | 'distributed';
  readonly kills: number;
  readonly seed: number;
  /** Of load before each kill; distributed: between two disturbances. */
  readonly secondsMin: number;
  readonly secondsMax: number;
  readonly callers: number;
  /** The rest is of the distributed mode alone. */
  readonly gateways: number;
  /** Kills before the load rests and everything is checked. */
  readonly killsPerRound: number;
  /** How many are disturbed at the same instant, at most. */
  readonly atOnceMax: number;
}

export const HELP = `Usage: npm run crash-test -- [options]
  --mode M               embedded or distributed (embedded)
  --kills N              how often a process is killed (200)
  --seed S               repeats the choices of a run; the timing stays the machine's (random)
  --seconds-between A,B  seconds of load before each kill; distributed: between disturbances (0.2,1.2)
  --callers N            calls at once (16)

Distributed only, on the protocol double, or on the real server that EVENTSTOREDB_SERVER_COMMAND starts: a shell
command that stays in the foreground, with {port} and {data} in it.
  --gateways N           gateways on one store (3)
  --round N              kills before the load rests and everything is checked (20)
  --at-once N            processes disturbed at the same instant, at most (1)
`;

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new Error(`--${name} takes positive numbers, not ${text}`);
  return value;
}

function modeOf(text: string): CrashOptions['mode'] {
  if (text !== 'embedded' && text !== 'distributed')
    throw new Error(`--mode takes embedded or distributed, not ${text}`);
  return text;
}

/** @throws Error with a sentence when an option cannot be used. */
export function readOptions(args: readonly string[], randomSeed: number): CrashOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      mode: { type: 'string', default: 'embedded' },
      kills: { type: 'string', default: '200' },
      seed: { type: 'string', default: String(randomSeed) },
      'seconds-between': { type: 'string', default: '0.2,1.2' },
      callers: { type: 'string', default: '16' },
      gateways: { type: 'string', default: '3' },
      round: { type: 'string', default: '20' },
      'at-once': { type: 'string', default: '1' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const seconds = values['seconds-between'].split(',').map((one) => positive('seconds-between', one));
  const [secondsMin = 1, secondsMax = secondsMin] = seconds;
  return {
    mode: modeOf(values.mode),
    kills: Math.round(positive('kills', values.kills)),
    seed: Math.round(positive('seed', values.seed)),
    secondsMin,
    secondsMax,
    callers: Math.round(positive('callers', values.callers)),
    gateways: Math.ceil(positive('gateways', values.gateways)),
    killsPerRound: Math.ceil(positive('round', values.round)),
    atOnceMax: Math.ceil(positive('at-once', values['at-once'])),
  };
}
