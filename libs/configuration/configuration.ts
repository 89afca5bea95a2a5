import { z } from 'zod';
import { type EpochMs, parseInstant } from '#kernel';
import { type OperationsRoute, SETTINGS, type SettingName, settingSchemas } from './settings';

const schema = z.object(settingSchemas);
type Settings = z.output<typeof schema>;

/** Settings of every process. */
interface CommonConfiguration {
  readonly host: string;
  readonly port: number;
  /** Absent: everything is served on one port. */
  readonly operations?: OperationsConfiguration;
  /** A secret. Absent: whoever reaches the port may read the metrics. */
  readonly metricsToken?: string;
  readonly dataDir: string;
  readonly configFile?: string;
  readonly demo: boolean;
  readonly masterKey?: string;
  readonly masterKeyFile?: string;
  readonly trustedProxies: readonly string[];
  readonly corsOrigins: readonly string[];
  /** What backends may lead to; empty: everything but link-local and metadata addresses. */
  readonly backendHosts: readonly string[];
  readonly requestRates: { readonly refusedPerSecond: number; readonly freePerSecond: number };
  /** Open connections in all, on each port. */
  readonly connectionsMax: number;
  /** Open connections of one address that is no trusted proxy's, on each port. */
  readonly connectionsPerAddressMax: number;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly drainMs: number;
  /** What was recorded up to then, by clocks that were far ahead, may be corrected. */
  readonly acceptRecordTime?: EpochMs;
  /** The id of a record whose own keys are lost for good. */
  readonly acceptKeyStore?: string;
}

/** A port of its own for those who run the platform. */
export interface OperationsConfiguration {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** What is served there and nowhere else; it serves everything else of operations, too. */
  readonly only: readonly OperationsRoute[];
}

/** Everything in one process, on this machine's disk. */
export interface EmbeddedConfiguration extends CommonConfiguration {
  readonly mode: 'embedded';
}

/** One of many gateways on one record. */
export interface DistributedConfiguration extends CommonConfiguration {
  readonly mode: 'distributed';
  /** A secret: it may hold a password. */
  readonly eventStoreDbUrl: string;
  /** Keys and kept answers, which all gateways share. */
  readonly sharedDataDir: string;
  readonly peer: PeerConfiguration;
}

/** Where other gateways reach this one. */
export interface PeerConfiguration {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** What the others are told; absent: `http://<host>:<port>`. */
  readonly url?: string;
}

export type Configuration = EmbeddedConfiguration | DistributedConfiguration;
export type Mode = Configuration['mode'];
export type ConfigurationOf<M extends Mode> = Extract<Configuration, { readonly mode: M }>;

/** Settings that cannot be used; the message names each one and says what to do. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
}

export interface Checks {
  /** Reads a connection string of EventStoreDB; throws with a sentence that says what is wrong, without the password. */
  readonly eventStoreDbUrl?: (text: string) => unknown;
}

/** What a process that runs in one mode only says where another one is asked for. */
const OTHER_MODE: Readonly<Record<Mode, string>> = {
  embedded:
    'AIAAS_MODE=distributed is for gateways: start one with npm run start:gateway, or leave AIAAS_MODE unset to run everything in one process.',
  distributed:
    'A gateway runs with AIAAS_MODE=distributed only: set it, or run everything in one process with npm start.',
};

/** Addresses that stand for all of a machine's. */
const EVERYWHERE = new Set(['0.0.0.0', '::', '[::]']);
const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);

/** Names of test switches share the prefix; they are none of the platform's business. */
const TEST_PREFIXES = ['AIAAS_TEST_', 'AIAAS_SIMULATION_'];

/** Settings that mean nothing to a process that is alone. */
const DISTRIBUTED_ONLY = [
  'AIAAS_EVENTSTOREDB_URL',
  'AIAAS_SHARED_DATA',
  'AIAAS_PEER_HOST',
  'AIAAS_PEER_PORT',
  'AIAAS_PEER_URL',
] as const satisfies readonly SettingName[];

/** Settings that mean nothing without AIAAS_OPERATIONS_PORT. */
const WITH_OPERATIONS_PORT = [
  'AIAAS_OPERATIONS_HOST',
  'AIAAS_OPERATIONS_ONLY',
] as const satisfies readonly SettingName[];

function isSet(environment: NodeJS.ProcessEnv, name: string): boolean {
  return environment[name] !== undefined && environment[name] !== '';
}

function unknownSettings(environment: NodeJS.ProcessEnv): string[] {
  return Object.keys(environment)
    .filter((name) => name.startsWith('AIAAS_') && !(name in SETTINGS))
    .filter((name) => !TEST_PREFIXES.some((prefix) => name.startsWith(prefix)))
    .map((name) => `${name} is no setting; see --help for those that are.`);
}

function connectionProblem(environment: NodeJS.ProcessEnv, { eventStoreDbUrl }: Checks): string[] {
  const { AIAAS_EVENTSTOREDB_URL: text } = environment;
  if (text === undefined || text === '')
    return [
      'AIAAS_EVENTSTOREDB_URL must be set in distributed mode: the connection string of the record, such as esdb://user:password@host:2113.',
    ];
  try {
    eventStoreDbUrl?.(text);
    return [];
  } catch (error) {
    return [`AIAAS_EVENTSTOREDB_URL cannot be used: ${error instanceof Error ? error.message : String(error)}.`];
  }
}

/** What the settings of one mode must be together. */
function problemsOfMode(environment: NodeJS.ProcessEnv, checks: Checks): string[] {
  if (environment.AIAAS_MODE !== 'distributed')
    return DISTRIBUTED_ONLY.filter((name) => isSet(environment, name)).map(
      (name) => `${name} has a meaning in distributed mode only; remove it, or set AIAAS_MODE=distributed.`,
    );
  const problems = connectionProblem(environment, checks);
  if (!isSet(environment, 'AIAAS_SHARED_DATA'))
    problems.push(
      'AIAAS_SHARED_DATA must be set in distributed mode: the directory of keys and kept answers that all gateways share.',
    );
  if (!isSet(environment, 'AIAAS_MASTER_KEY') && !isSet(environment, 'AIAAS_MASTER_KEY_FILE'))
    problems.push(
      'AIAAS_MASTER_KEY or AIAAS_MASTER_KEY_FILE must be set in distributed mode, the same one for every gateway; make one with: openssl rand -base64 32.',
    );
  // Listening everywhere is no address that anybody could be told.
  if (EVERYWHERE.has(environment.AIAAS_PEER_HOST ?? '') && !isSet(environment, 'AIAAS_PEER_URL'))
    problems.push(
      'AIAAS_PEER_URL must be set where AIAAS_PEER_HOST is every address: the one at which other gateways reach this one, such as http://gateway-1:9000.',
    );
  return problems;
}

function problemsOfOperations(environment: NodeJS.ProcessEnv): string[] {
  if (isSet(environment, 'AIAAS_OPERATIONS_PORT')) return [];
  return WITH_OPERATIONS_PORT.filter((name) => isSet(environment, name)).map(
    (name) => `${name} has a meaning with AIAAS_OPERATIONS_PORT only; set that too, or remove it.`,
  );
}

function operationsOf(data: Settings): Pick<CommonConfiguration, 'operations'> {
  const { AIAAS_OPERATIONS_PORT: port, AIAAS_OPERATIONS_HOST: host, AIAAS_OPERATIONS_ONLY: only } = data;
  return port === undefined ? {} : { operations: { host, port, only } };
}

function commonOf(data: Settings): CommonConfiguration {
  const acceptRecordTime = parseInstant(data.AIAAS_ACCEPT_RECORD_TIME ?? '');
  return {
    host: data.AIAAS_HOST,
    port: data.AIAAS_PORT,
    ...operationsOf(data),
    ...(data.AIAAS_METRICS_TOKEN === undefined ? {} : { metricsToken: data.AIAAS_METRICS_TOKEN }),
    dataDir: data.AIAAS_DATA,
    ...(data.AIAAS_CONFIG === undefined ? {} : { configFile: data.AIAAS_CONFIG }),
    demo: data.AIAAS_DEMO === undefined ? LOOPBACK.has(data.AIAAS_HOST) : data.AIAAS_DEMO === 'on',
    ...(data.AIAAS_MASTER_KEY === undefined ? {} : { masterKey: data.AIAAS_MASTER_KEY }),
    ...(data.AIAAS_MASTER_KEY_FILE === undefined ? {} : { masterKeyFile: data.AIAAS_MASTER_KEY_FILE }),
    trustedProxies: data.AIAAS_TRUSTED_PROXIES,
    corsOrigins: data.AIAAS_CORS_ORIGINS,
    backendHosts: data.AIAAS_BACKEND_HOSTS,
    requestRates: { refusedPerSecond: data.AIAAS_REFUSED_PER_SECOND, freePerSecond: data.AIAAS_FREE_PER_SECOND },
    connectionsMax: data.AIAAS_CONNECTIONS_MAX,
    connectionsPerAddressMax: data.AIAAS_CONNECTIONS_PER_ADDRESS_MAX,
    logLevel: data.AIAAS_LOG_LEVEL,
    drainMs: data.AIAAS_DRAIN_SECONDS * 1_000,
    ...(acceptRecordTime === undefined ? {} : { acceptRecordTime }),
    ...(data.AIAAS_ACCEPT_KEY_STORE === undefined ? {} : { acceptKeyStore: data.AIAAS_ACCEPT_KEY_STORE }),
  };
}

function configurationOf(data: Settings): Configuration {
  const common = commonOf(data);
  const { AIAAS_MODE: mode, AIAAS_EVENTSTOREDB_URL: eventStoreDbUrl, AIAAS_SHARED_DATA: sharedDataDir } = data;
  if (mode === 'embedded') return { ...common, mode };
  if (eventStoreDbUrl === undefined || sharedDataDir === undefined)
    throw new ConfigurationError('AIAAS_EVENTSTOREDB_URL and AIAAS_SHARED_DATA must be set in distributed mode.');
  const url = data.AIAAS_PEER_URL;
  const peer = { host: data.AIAAS_PEER_HOST, port: data.AIAAS_PEER_PORT, ...(url === undefined ? {} : { url }) };
  return { ...common, mode, eventStoreDbUrl, sharedDataDir, peer };
}

/**
 * Reads and validates all settings of a process that runs in one mode only.
 * @throws ConfigurationError with one sentence where another mode is asked for, else as `readConfiguration`.
 */
export function readConfigurationOf<M extends Mode>(
  mode: M,
  environment: NodeJS.ProcessEnv,
  checks?: Checks,
): ConfigurationOf<M> {
  const other: Mode = mode === 'embedded' ? 'distributed' : 'embedded';
  // Said before anything else: what the other mode needs would only confuse.
  if ((environment.AIAAS_MODE || SETTINGS.AIAAS_MODE.fallback) === other)
    throw new ConfigurationError(OTHER_MODE[mode]);
  return readConfiguration(environment, checks) as ConfigurationOf<M>;
}

/**
 * Reads and validates all settings. An empty variable is an absent one.
 * @throws ConfigurationError with one line per wrong or unknown setting.
 */
export function readConfiguration(environment: NodeJS.ProcessEnv, checks: Checks = {}): Configuration {
  const given = Object.fromEntries(
    Object.entries(SETTINGS).map(([name, { fallback }]) => {
      const value = environment[name];
      return [name, value === undefined || value === '' ? fallback || undefined : value];
    }),
  );
  const withLists = {
    ...given,
    AIAAS_TRUSTED_PROXIES: given.AIAAS_TRUSTED_PROXIES ?? '',
    AIAAS_CORS_ORIGINS: given.AIAAS_CORS_ORIGINS ?? '',
    AIAAS_BACKEND_HOSTS: given.AIAAS_BACKEND_HOSTS ?? '',
  };
  const parsed = schema.safeParse(withLists);
  const problems = parsed.success
    ? []
    : parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}.`);
  problems.push(...unknownSettings(environment));
  if (given.AIAAS_MASTER_KEY !== undefined && given.AIAAS_MASTER_KEY_FILE !== undefined)
    problems.push('AIAAS_MASTER_KEY and AIAAS_MASTER_KEY_FILE are both set; set one of them.');
  problems.push(...problemsOfOperations(environment), ...problemsOfMode(environment, checks));
  if (!parsed.success || problems.length > 0) throw new ConfigurationError(problems.join('\n'));
  return configurationOf(parsed.data);
}

/** The text of `--help`. */
export function helpText(command: string): string {
  const names = Object.keys(SETTINGS) as SettingName[];
  const rows = names.map((name) => {
    const { fallback, description } = SETTINGS[name];
    return `  ${name.padEnd(35)}${description}${fallback === '' ? '' : ` Default: ${fallback}.`}`;
  });
  return [`Usage: ${command} [--help] [--version]`, '', 'Settings, from the environment:', ...rows, ''].join('\n');
}
