import { readFileSync } from 'node:fs';

/** Where an EventStoreDB is, and how to speak to it. */
export interface ConnectionSettings {
  readonly endpoints: readonly Endpoint[];
  /** `none`: this node. `gossip`: ask these nodes for the leader. `dns`: ask the nodes behind this name. */
  readonly discovery: 'none' | 'gossip' | 'dns';
  /** `undefined` speaks plain text, for a server that runs insecure. */
  readonly tls?: TlsSettings;
  readonly credentials?: Credentials;
  /** Shown in the server's logs. */
  readonly connectionName?: string;
  readonly keepAliveIntervalMs: number;
  /** An unanswered ping closes the connection after so long: this bounds how long a dead connection goes unnoticed. */
  readonly keepAliveTimeoutMs: number;
  readonly discoverAttemptsMax: number;
  readonly discoveryIntervalMs: number;
  readonly gossipTimeoutS: number;
}

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

export interface TlsSettings {
  /** PEM file of the authority that signed the server's certificate; absent: the system's authorities. */
  readonly caFile?: string;
}

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** A connection string that cannot be used. The message names the part at fault and never holds the password. */
export class InvalidConnectionStringError extends Error {
  override readonly name = 'InvalidConnectionStringError';
}

const FORM = 'esdb://[user:password@]host[:port][,host[:port]…][?option=value&…], or esdb+discover:// for a DNS name';
const DEFAULT_PORT = 2113;
const SHAPE = /^(?<scheme>[a-z+]+):\/\/(?:(?<userInfo>.*)@)?(?<hosts>[^/?@]*)\/?(?:\?(?<options>.*))?$/;

/** @throws InvalidConnectionStringError */
export function parseConnectionString(text: string): ConnectionSettings {
  const { scheme, userInfo, hosts = '', options = '' } = SHAPE.exec(text.trim())?.groups ?? {};
  if (scheme !== 'esdb' && scheme !== 'esdb+discover')
    throw new InvalidConnectionStringError(`the connection string does not have the form ${FORM}`);
  const endpoints = hosts.split(',').map(parseEndpoint);
  if (scheme === 'esdb+discover' && endpoints.length > 1)
    throw new InvalidConnectionStringError('esdb+discover:// takes one DNS name; list several nodes with esdb://');
  const credentials = userInfo === undefined ? undefined : parseCredentials(userInfo);
  const parsed = parseOptions(options);
  if (parsed.tls !== undefined && credentials === undefined)
    throw new InvalidConnectionStringError(
      'the connection string has no user: EventStoreDB refuses strangers over TLS, so write user:password@ before the host (or tls=false for an insecure server)',
    );
  return {
    endpoints,
    discovery: scheme === 'esdb+discover' ? 'dns' : endpoints.length > 1 ? 'gossip' : 'none',
    ...parsed,
    ...(credentials === undefined ? {} : { credentials }),
  };
}

/** Reads the authority's certificate. @throws InvalidConnectionStringError when the file cannot be used. */
export function readCertificateAuthority(caFile: string): Buffer {
  let pem: Buffer;
  try {
    pem = readFileSync(caFile);
  } catch (error) {
    throw new InvalidConnectionStringError(`tlsCaFile ${caFile} cannot be read`, { cause: error });
  }
  if (!pem.includes('-----BEGIN CERTIFICATE-----'))
    throw new InvalidConnectionStringError(`tlsCaFile ${caFile} holds no PEM certificate`);
  return pem;
}

function parseEndpoint(text: string): Endpoint {
  const { address, port } = /^(?<address>[^:[\]\s]+|\[[0-9a-fA-F:]+\])(?::(?<port>\d{1,5}))?$/.exec(text)?.groups ?? {};
  const number = port === undefined ? DEFAULT_PORT : Number(port);
  if (address === undefined || number < 1 || number > 65_535)
    throw new InvalidConnectionStringError(`"${text}" in the connection string is no host with an optional port`);
  return { address, port: number };
}

function parseCredentials(userInfo: string): Credentials {
  const colon = userInfo.indexOf(':');
  if (colon < 1 || colon === userInfo.length - 1)
    throw new InvalidConnectionStringError('before the @ of the connection string must stand user:password');
  try {
    return {
      username: decodeURIComponent(userInfo.slice(0, colon)),
      password: decodeURIComponent(userInfo.slice(colon + 1)),
    };
  } catch {
    throw new InvalidConnectionStringError('user or password is not percent-encoded correctly: write "%25" for "%"');
  }
}

type Options = Omit<ConnectionSettings, 'endpoints' | 'discovery' | 'credentials'>;

/** Options that exist elsewhere but must not be changed here, and why. */
const FIXED_OPTIONS: ReadonlyMap<string, { readonly only: string; readonly why: string }> = new Map([
  ['nodepreference', { only: 'leader', why: 'only the leader lets a gateway read what it has written' }],
  ['tlsverifycert', { only: 'true', why: 'a server that is not verified could be anybody; use tlsCaFile' }],
  ['throwonappendfailure', { only: 'true', why: 'a swallowed conflict would lose money' }],
]);

const KNOWN_OPTIONS =
  'tls, tlsCaFile, connectionName, keepAliveInterval, keepAliveTimeout, maxDiscoverAttempts, discoveryInterval, gossipTimeout';

function parseOptions(text: string): Options {
  const given = new Map<string, string>();
  for (const pair of text.split('&').filter((part) => part !== '')) {
    const equals = pair.indexOf('=');
    const key = pair.slice(0, equals).toLowerCase();
    if (equals < 1) throw new InvalidConnectionStringError(`"${pair}" in the connection string is not option=value`);
    if (given.has(key)) throw new InvalidConnectionStringError(`the connection string gives ${key} twice`);
    given.set(key, decodeOption(key, pair.slice(equals + 1)));
  }
  const take = (name: string): string | undefined => {
    const value = given.get(name.toLowerCase());
    given.delete(name.toLowerCase());
    return value;
  };
  const caFile = take('tlsCaFile');
  const tls = readBoolean('tls', take('tls') ?? 'true');
  if (caFile !== undefined && !tls)
    throw new InvalidConnectionStringError('tlsCaFile and tls=false contradict each other: drop one of them');
  const connectionName = take('connectionName');
  const options: Options = {
    ...(tls ? { tls: caFile === undefined ? {} : { caFile } } : {}),
    ...(connectionName === undefined ? {} : { connectionName }),
    keepAliveIntervalMs: readInteger('keepAliveInterval', take('keepAliveInterval') ?? '10000', 10_000),
    keepAliveTimeoutMs: readInteger('keepAliveTimeout', take('keepAliveTimeout') ?? '5000', 100),
    discoverAttemptsMax: readInteger('maxDiscoverAttempts', take('maxDiscoverAttempts') ?? '10', 1),
    discoveryIntervalMs: readInteger('discoveryInterval', take('discoveryInterval') ?? '100', 1),
    gossipTimeoutS: readInteger('gossipTimeout', take('gossipTimeout') ?? '5', 1),
  };
  for (const [key, value] of given) {
    const fixed = FIXED_OPTIONS.get(key);
    if (fixed === undefined)
      throw new InvalidConnectionStringError(`the connection string has no option ${key}; known are ${KNOWN_OPTIONS}`);
    if (value.toLowerCase() !== fixed.only)
      throw new InvalidConnectionStringError(`${key} can only be ${fixed.only}: ${fixed.why}`);
  }
  return options;
}

function decodeOption(key: string, value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    throw new InvalidConnectionStringError(`the value of ${key} is not percent-encoded correctly`);
  }
}

function readBoolean(name: string, value: string): boolean {
  if (value !== 'true' && value !== 'false')
    throw new InvalidConnectionStringError(`${name} must be true or false, not "${value}"`);
  return value === 'true';
}

function readInteger(name: string, value: string, min: number): number {
  const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
  if (!(number >= min))
    throw new InvalidConnectionStringError(`${name} must be a whole number from ${min}, not "${value}"`);
  return number;
}
