import type { SystemTokenId } from '#kernel';
import type { InvalidSecret, NewSecret } from '../secret';
import { newSecret, parseSecret } from '../secret';
import type { SystemTokenHolder } from './events';

/** `sys`: of the platform's administrator; `pat`: of a member or a service account. */
export type SystemTokenKind = 'sys' | 'pat';

export function systemTokenKind(holder: SystemTokenHolder): SystemTokenKind {
  return holder.type === 'system' ? 'sys' : 'pat';
}

/** Makes a token's secret, `aiaas_sys_…` or `aiaas_pat_…`, from SECRET_RANDOM_BYTES random bytes. */
export function newSystemTokenSecret(holder: SystemTokenHolder, tokenId: SystemTokenId, random: Uint8Array): NewSecret {
  return newSecret(systemTokenKind(holder), tokenId, random);
}

export interface ParsedSystemTokenSecret {
  readonly ok: true;
  /** What the secret claims; the record's holder decides: compare with `systemTokenKind`. */
  readonly kind: SystemTokenKind;
  readonly tokenId: SystemTokenId;
}

/** Parses what a client presents as a token; an API key is `malformed` here. Costs no lookup. */
export function parseSystemTokenSecret(text: string): ParsedSystemTokenSecret | InvalidSecret {
  const parsed = parseSecret(text);
  if (!parsed.ok) return parsed;
  switch (parsed.kind) {
    case 'sys':
    case 'pat':
      return { ok: true, kind: parsed.kind, tokenId: parsed.id };
    case 'live':
    case 'test':
      return { ok: false, reason: 'malformed' };
  }
}
