import { parseArgs } from 'node:util';

/** Arguments that cannot be used; the message says what to write instead. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export interface StoreArguments {
  readonly action: 'copy' | 'verify';
  /** As given, or as the environment has it; may hold a password. */
  readonly from: string;
  readonly to: string;
  readonly live: boolean;
  readonly appendsInFlightMax: number | undefined;
  readonly patienceMs: number;
  readonly json: boolean;
}

export type Command =
  | { readonly kind: 'help' }
  | { readonly kind: 'store-help' }
  | { readonly kind: 'version' }
  | { readonly kind: 'store'; readonly arguments: StoreArguments };

const OPTIONS = {
  from: { type: 'string' },
  to: { type: 'string' },
  'from-env': { type: 'string' },
  'to-env': { type: 'string' },
  live: { type: 'boolean', default: false },
  'in-flight': { type: 'string' },
  patience: { type: 'string', default: '60' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
  version: { type: 'boolean', default: false },
} as const;

const IN_FLIGHT_MAX = 1_024;
const PATIENCE_SECONDS_MAX = 86_400;

/** @throws UsageError */
export function readCommand(args: readonly string[], environment: NodeJS.ProcessEnv): Command {
  const { values, positionals } = parse(args);
  const [topic, action, ...rest] = positionals;
  if (values.version) return { kind: 'version' };
  if (topic === undefined) {
    if (values.help) return { kind: 'help' };
    throw new UsageError('there is no command; see aiaas --help');
  }
  if (topic !== 'store') throw new UsageError(`there is no command "${topic}"; see aiaas --help`);
  if (values.help) return { kind: 'store-help' };
  if (action !== 'copy' && action !== 'verify')
    throw new UsageError(
      action === undefined
        ? 'aiaas store needs copy or verify; see aiaas store --help'
        : `there is no command "store ${action}", only copy and verify; see aiaas store --help`,
    );
  if (rest.length > 0) throw new UsageError(`"${rest[0]}" is one argument too many; see aiaas store --help`);
  if (action === 'verify' && (values.live || values['in-flight'] !== undefined))
    throw new UsageError('--live and --in-flight are for copy: verify writes nothing, and reads stores in use as well');
  return {
    kind: 'store',
    arguments: {
      action,
      from: storeText('from', values.from, values['from-env'], environment),
      to: storeText('to', values.to, values['to-env'], environment),
      live: values.live,
      appendsInFlightMax:
        values['in-flight'] === undefined ? undefined : wholeNumber('in-flight', values['in-flight'], 1, IN_FLIGHT_MAX),
      patienceMs: wholeNumber('patience', values.patience, 0, PATIENCE_SECONDS_MAX) * 1_000,
      json: values.json,
    },
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    // The library's sentence names the option, never its value.
    throw new UsageError(`${error instanceof Error ? error.message : String(error)}; see aiaas store --help`);
  }
}

function storeText(
  name: 'from' | 'to',
  given: string | undefined,
  variable: string | undefined,
  environment: NodeJS.ProcessEnv,
): string {
  if (given !== undefined && variable !== undefined)
    throw new UsageError(`--${name} and --${name}-env name the same store twice: drop one of them`);
  if (variable !== undefined) {
    const value = environment[variable] ?? '';
    if (value === '') throw new UsageError(`the environment variable ${variable} of --${name}-env is not set`);
    return value;
  }
  if (given === undefined || given === '')
    throw new UsageError(`--${name} is missing: lmdb:<directory>, or esdb://…; see aiaas store --help`);
  return given;
}

function wholeNumber(name: string, text: string, min: number, max: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) throw new UsageError(`--${name} must be a whole number from ${min} to ${max}`);
  return value;
}
