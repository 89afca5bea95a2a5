import { isIP } from 'node:net';
import { z } from 'zod';
import { parseInstant } from '#kernel';

/** One setting: where it comes from, what it means and what it must look like. `--help` prints this table. */
export interface Setting {
  readonly name: string;
  readonly fallback: string;
  readonly description: string;
}

function isCidr(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
}

/** A host's name, or `*.` and what it ends with. */
const HOST = /^(?:\*\.)?[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/i;

function isOrigin(text: string): boolean {
  try {
    const url = new URL(text);
    return /^https?:$/.test(url.protocol) && url.origin === text;
  } catch {
    return false;
  }
}

const list = z.string().transform((text) =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== ''),
);

const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, `must be a whole number from ${min} to ${max}`)
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be a whole number from ${min} to ${max}`);

const onOff = z.enum(['on', 'off'], 'must be on or off');

/** What a port of operations serves, and may be told to serve alone. */
export const OPERATIONS_ROUTES = ['metrics', 'health', 'documents'] as const;
export type OperationsRoute = (typeof OPERATIONS_ROUTES)[number];

function isOperationsRoute(name: string): name is OperationsRoute {
  return OPERATIONS_ROUTES.some((route) => route === name);
}

/** Every setting of the platform's processes, by its environment variable. */
export const settingSchemas = {
  AIAAS_MODE: z.enum(
    ['embedded', 'distributed'],
    'must be embedded (everything in one process) or distributed (one of many gateways)',
  ),
  AIAAS_HOST: z.string().min(1, 'must be an address or a host name'),
  AIAAS_PORT: wholeNumber(0, 65_535),
  AIAAS_OPERATIONS_HOST: z.string().min(1, 'must be an address or a host name'),
  AIAAS_OPERATIONS_PORT: wholeNumber(0, 65_535).optional(),
  AIAAS_OPERATIONS_ONLY: list.transform((names, context) => {
    const known = names.filter(isOperationsRoute);
    if (known.length < names.length)
      context.addIssue({ code: 'custom', message: `must list some of: ${OPERATIONS_ROUTES.join(', ')}` });
    return known;
  }),
  AIAAS_METRICS_TOKEN: z
    .string()
    .regex(/^[!-~]{16,}$/, 'must be at least 16 printable characters without spaces')
    .optional(),
  AIAAS_DATA: z.string().min(1, 'must name a directory'),
  AIAAS_CONFIG: z.string().optional(),
  AIAAS_DEMO: onOff.optional(),
  AIAAS_MASTER_KEY: z.string().optional(),
  AIAAS_MASTER_KEY_FILE: z.string().optional(),
  AIAAS_MASTER_KEY_PREVIOUS: z.string().optional(),
  AIAAS_TRUSTED_PROXIES: list.refine(
    (cidrs) => cidrs.every(isCidr),
    'must list addresses or CIDR ranges, separated by commas, such as 10.0.0.0/8',
  ),
  AIAAS_CORS_ORIGINS: list.refine(
    (origins) => origins.every(isOrigin),
    'must list origins, separated by commas, such as https://app.example.com',
  ),
  AIAAS_BACKEND_HOSTS: list.refine(
    (entries) => entries.every((entry) => isCidr(entry) || HOST.test(entry)),
    'must list hosts, addresses and ranges, separated by commas, such as api.example.com, *.example.org, 10.0.0.0/8',
  ),
  AIAAS_REFUSED_PER_SECOND: wholeNumber(1, 1_000_000),
  AIAAS_FREE_PER_SECOND: wholeNumber(1, 1_000_000),
  AIAAS_CONNECTIONS_MAX: wholeNumber(1, 1_000_000),
  AIAAS_CONNECTIONS_PER_ADDRESS_MAX: wholeNumber(1, 1_000_000),
  AIAAS_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent'], 'must be debug, info, warn, error or silent'),
  AIAAS_DRAIN_SECONDS: wholeNumber(0, 3_600),
  AIAAS_ACCEPT_RECORD_TIME: z
    .string()
    .refine((text) => parseInstant(text) !== undefined, 'must be a moment such as 2026-01-31T12:00:00.000Z')
    .optional(),
  AIAAS_ACCEPT_KEY_STORE: z.string().optional(),
  AIAAS_EVENTSTOREDB_URL: z.string().optional(),
  AIAAS_SHARED_DATA: z.string().optional(),
  AIAAS_PEER_HOST: z.string().min(1, 'must be an address or a host name'),
  AIAAS_PEER_PORT: wholeNumber(0, 65_535),
  AIAAS_PEER_URL: z.string().refine(isOrigin, 'must be an origin such as http://gateway-1.internal:9000').optional(),
};

export type SettingName = keyof typeof settingSchemas;

export const SETTINGS: { readonly [N in SettingName]: Omit<Setting, 'name'> } = {
  AIAAS_MODE: {
    fallback: 'embedded',
    description: 'embedded: everything in one process. distributed: one of many gateways on one EventStoreDB.',
  },
  AIAAS_HOST: { fallback: '127.0.0.1', description: 'The address to listen on.' },
  AIAAS_PORT: { fallback: '8080', description: 'The port to listen on; 0 takes a free one.' },
  AIAAS_OPERATIONS_HOST: { fallback: '127.0.0.1', description: 'The address of the port of operations.' },
  AIAAS_OPERATIONS_PORT: {
    fallback: '',
    description: 'A port of its own for /metrics, /health and the documents; 0 takes a free one. Default: none.',
  },
  AIAAS_OPERATIONS_ONLY: {
    fallback: 'metrics',
    description: 'What the port of operations alone serves, where there is one: of metrics, health, documents.',
  },
  AIAAS_METRICS_TOKEN: {
    fallback: '',
    description: 'Who reads /metrics must send it as "Authorization: Bearer …". It is a secret.',
  },
  AIAAS_DATA: {
    fallback: './data',
    description: "The directory of the record, the views and the keys; distributed: of this gateway's own views.",
  },
  AIAAS_CONFIG: { fallback: '', description: 'A YAML file of backends, models and prices, applied at every start.' },
  AIAAS_DEMO: {
    fallback: '',
    description: 'on or off: make a demo organization on first start. Default: on when listening on loopback only.',
  },
  AIAAS_MASTER_KEY: {
    fallback: '',
    description: 'The master key, 32 bytes in base64 or hex. Default: made in <data>/keys/ at first start.',
  },
  AIAAS_MASTER_KEY_FILE: { fallback: '', description: 'A file that holds the master key.' },
  AIAAS_MASTER_KEY_PREVIOUS: {
    fallback: '',
    description: 'The master key until now: set it once to rotate, and every data key is wrapped anew at start.',
  },
  AIAAS_TRUSTED_PROXIES: {
    fallback: '',
    description: 'Proxies whose X-Forwarded-For is believed: addresses or CIDR ranges, separated by commas.',
  },
  AIAAS_BACKEND_HOSTS: {
    fallback: '',
    description:
      'Hosts, addresses and ranges that backends may have. Default: all but link-local and metadata addresses.',
  },
  AIAAS_CORS_ORIGINS: { fallback: '', description: 'Origins that may call /v1 from browsers, separated by commas.' },
  AIAAS_REFUSED_PER_SECOND: {
    fallback: '50',
    description: 'Refused requests a second of each key and, without one, each address; ten times as many at once.',
  },
  AIAAS_FREE_PER_SECOND: {
    fallback: '200',
    description:
      'Requests a second of each key that run no model (reads, preflights, repeats); ten times as many at once.',
  },
  AIAAS_CONNECTIONS_MAX: {
    fallback: '4096',
    description: 'Connections in all, on each port; beyond it idle ones are ended, else new ones are turned away.',
  },
  AIAAS_CONNECTIONS_PER_ADDRESS_MAX: {
    fallback: '1024',
    description: 'Connections of one address (IPv6: one /64), on each port; trusted proxies are not counted.',
  },
  AIAAS_LOG_LEVEL: { fallback: 'info', description: 'debug, info, warn, error or silent.' },
  AIAAS_DRAIN_SECONDS: {
    fallback: '30',
    description: 'How long running calls may go on after SIGTERM before the process ends.',
  },
  AIAAS_ACCEPT_RECORD_TIME: {
    fallback: '',
    description:
      "Once, after a wrong clock: ledgers far ahead of this machine's clock, up to this moment, have their time corrected, on record.",
  },
  AIAAS_ACCEPT_KEY_STORE: {
    fallback: '',
    description: "Once, after a loss of keys: the id of the record that goes on with this process' keys, on record.",
  },
  AIAAS_EVENTSTOREDB_URL: {
    fallback: '',
    description: 'Distributed: the connection string of the record, esdb://user:password@host:2113. It is a secret.',
  },
  AIAAS_SHARED_DATA: {
    fallback: '',
    description: 'Distributed: the directory of keys and kept answers that all gateways share.',
  },
  AIAAS_PEER_HOST: {
    fallback: '127.0.0.1',
    description: 'Distributed: the address to listen on for other gateways.',
  },
  AIAAS_PEER_PORT: { fallback: '0', description: 'Distributed: the port for other gateways; 0 takes a free one.' },
  AIAAS_PEER_URL: {
    fallback: '',
    description: 'Distributed: where other gateways reach this one. Default: http://<peer host>:<port>.',
  },
};
