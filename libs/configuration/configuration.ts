import { z } from 'zod';
import { SETTINGS, type SettingName, settingSchemas } from './settings';

const schema = z.object(settingSchemas);

export interface Configuration {
  readonly mode: 'embedded';
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
  readonly configFile?: string;
  readonly demo: boolean;
  readonly masterKey?: string;
  readonly masterKeyFile?: string;
  readonly trustedProxies: readonly string[];
  readonly corsOrigins: readonly string[];
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly drainMs: number;
}

/** Settings that cannot be used; the message names each one and says what to do. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
}

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);

function unknownSettings(environment: NodeJS.ProcessEnv): string[] {
  return Object.keys(environment).filter((name) => name.startsWith('AIAAS_') && !(name in SETTINGS));
}

/** Names of test switches share the prefix; they are none of the platform's business. */
const TEST_PREFIXES = ['AIAAS_TEST_', 'AIAAS_SIMULATION_'];

/**
 * Reads and validates all settings. An empty variable is an absent one.
 * @throws ConfigurationError with one line per wrong or unknown setting.
 */
export function readConfiguration(environment: NodeJS.ProcessEnv): Configuration {
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
  };
  const parsed = schema.safeParse(withLists);
  const problems = parsed.success
    ? []
    : parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}.`);
  for (const name of unknownSettings(environment))
    if (!TEST_PREFIXES.some((prefix) => name.startsWith(prefix)))
      problems.push(`${name} is no setting; see --help for those that are.`);
  if (given.AIAAS_MASTER_KEY !== undefined && given.AIAAS_MASTER_KEY_FILE !== undefined)
    problems.push('AIAAS_MASTER_KEY and AIAAS_MASTER_KEY_FILE are both set; set one of them.');
  if (!parsed.success || problems.length > 0) throw new ConfigurationError(problems.join('\n'));
  const { data } = parsed;
  return {
    mode: data.AIAAS_MODE,
    host: data.AIAAS_HOST,
    port: data.AIAAS_PORT,
    dataDir: data.AIAAS_DATA,
    ...(data.AIAAS_CONFIG === undefined ? {} : { configFile: data.AIAAS_CONFIG }),
    demo: data.AIAAS_DEMO === undefined ? LOOPBACK.has(data.AIAAS_HOST) : data.AIAAS_DEMO === 'on',
    ...(data.AIAAS_MASTER_KEY === undefined ? {} : { masterKey: data.AIAAS_MASTER_KEY }),
    ...(data.AIAAS_MASTER_KEY_FILE === undefined ? {} : { masterKeyFile: data.AIAAS_MASTER_KEY_FILE }),
    trustedProxies: data.AIAAS_TRUSTED_PROXIES,
    corsOrigins: data.AIAAS_CORS_ORIGINS,
    logLevel: data.AIAAS_LOG_LEVEL,
    drainMs: data.AIAAS_DRAIN_SECONDS * 1_000,
  };
}

/** The text of `--help`. */
export function helpText(command: string): string {
  const names = Object.keys(SETTINGS) as SettingName[];
  const rows = names.map((name) => {
    const { fallback, description } = SETTINGS[name];
    return `  ${name.padEnd(24)}${description}${fallback === '' ? '' : ` Default: ${fallback}.`}`;
  });
  return [`Usage: ${command} [--help] [--version]`, '', 'Settings, from the environment:', ...rows, ''].join('\n');
}
