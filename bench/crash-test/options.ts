import { parseArgs } from 'node:util';

export interface CrashOptions {
  readonly kills: number;
  readonly seed: number;
  /** Of load before each kill. */
  readonly secondsMin: number;
  readonly secondsMax: number;
  readonly callers: number;
}

export const HELP = `Usage: npm run crash-test -- [options]
  --kills N              how often the platform is killed (200)
  --seed S               repeats the choices of a run; the timing stays the machine's (random)
  --seconds-between A,B  seconds of load before each kill (0.2,1.2)
  --callers N            calls at once (16)
`;

/** @throws Error with a sentence when an option cannot be used. */
export function readOptions(args: readonly string[], randomSeed: number): CrashOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      kills: { type: 'string', default: '200' },
      seed: { type: 'string', default: String(randomSeed) },
      'seconds-between': { type: 'string', default: '0.2,1.2' },
      callers: { type: 'string', default: '16' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const positive = (name: string, text: string): number => {
    const value = Number(text);
    if (!Number.isFinite(value) || value <= 0) throw new Error(`--${name} takes positive numbers, not ${text}`);
    return value;
  };
  const seconds = values['seconds-between'].split(',').map((one) => positive('seconds-between', one));
  const [secondsMin = 1, secondsMax = secondsMin] = seconds;
  return {
    kills: Math.round(positive('kills', values.kills)),
    seed: Math.round(positive('seed', values.seed)),
    secondsMin,
    secondsMax,
    callers: Math.round(positive('callers', values.callers)),
  };
}
