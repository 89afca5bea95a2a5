import type { ApiKeyId } from '#kernel';
import type { InvalidSecret, NewSecret } from '../secret';
import { newSecret, parseSecret } from '../secret';

/** `test` keys are for trying out: the platform treats them alike, people and scanners can tell them apart. */
export const API_KEY_ENVIRONMENTS = ['live', 'test'] as const;
export type ApiKeyEnvironment = (typeof API_KEY_ENVIRONMENTS)[number];

/** Makes the secret of a key, `aiaas_live_…` or `aiaas_test_…`, from SECRET_RANDOM_BYTES random bytes. */
export function newApiKeySecret(environment: ApiKeyEnvironment, keyId: ApiKeyId, random: Uint8Array): NewSecret {
  return newSecret(environment, keyId, random);
}

export interface ParsedApiKeySecret {
  readonly ok: true;
  readonly environment: ApiKeyEnvironment;
  readonly keyId: ApiKeyId;
}

/** Parses what a client presents as an API key; a system or personal token is `malformed` here. Costs no lookup. */
export function parseApiKeySecret(text: string): ParsedApiKeySecret | InvalidSecret {
  const parsed = parseSecret(text);
  if (!parsed.ok) return parsed;
  switch (parsed.kind) {
    case 'live':
    case 'test':
      return { ok: true, environment: parsed.kind, keyId: parsed.id };
    case 'sys':
    case 'pat':
      return { ok: false, reason: 'malformed' };
  }
}
