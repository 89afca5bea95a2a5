import { crc32 } from 'node:zlib';
import type { ApiKeyId, SystemTokenId } from '#kernel';
import { parseId } from '#kernel';

/**
 * The one form of every secret that the platform issues:
 *
 *     aiaas_<kind>_<26 characters of its id>_<30 characters base62><6 characters base62: CRC-32>
 *
 * The id finds the record without an index over hashes; the 30 characters carry 178 random bits; the checksum, over
 * everything before it, turns mistyped and invented secrets away without a lookup and lets scanners for leaked secrets
 * tell a real one from a lookalike. It protects against nothing else: anybody can compute it.
 */
export type SecretKind = 'live' | 'test' | 'sys' | 'pat';

/** How each kind's record is named: API keys by `key_…`, tokens of people and automation by `tok_…`. */
export interface SecretIds {
  live: ApiKeyId;
  test: ApiKeyId;
  sys: SystemTokenId;
  pat: SystemTokenId;
}
const ID_PREFIX = { live: 'key', test: 'key', sys: 'tok', pat: 'tok' } as const;

export type ParsedSecret = {
  readonly [K in SecretKind]: { readonly ok: true; readonly kind: K; readonly id: SecretIds[K] };
}[SecretKind];

export interface InvalidSecret {
  readonly ok: false;
  /** `malformed`: no secret of this platform at all. `checksum`: looks like one, but is mistyped, cut or invented. */
  readonly reason: 'malformed' | 'checksum';
}

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const RANDOM_CHARACTERS = 30;
const CHECKSUM_CHARACTERS = 6;
/** The largest multiple of 62 in a byte: larger bytes are passed over, for a remainder would favour low digits. */
const UNBIASED_BELOW = 248;

/** How many random bytes to give: 34 of 64 would have to be passed over for them not to suffice (about 1 in 10³³). */
export const SECRET_RANDOM_BYTES = 64;

function randomCharacters(random: Uint8Array): string {
  let text = '';
  for (const byte of random) {
    if (byte < UNBIASED_BELOW) text += BASE62.charAt(byte % 62);
    if (text.length === RANDOM_CHARACTERS) return text;
  }
  throw new RangeError(`a secret needs ${SECRET_RANDOM_BYTES} bytes from a random source`);
}

/** 62⁶ exceeds 2³², so six digits hold every checksum. */
function checksumOf(text: string): string {
  let digits = '';
  for (let rest = crc32(text), i = 0; i < CHECKSUM_CHARACTERS; i += 1, rest = Math.floor(rest / 62))
    digits = BASE62.charAt(rest % 62) + digits;
  return digits;
}

/**
 * Composes a secret from the id of its record and random bytes; pure: the same bytes make the same secret.
 * @throws RangeError when the bytes cannot have come from a random source, or are fewer than needed (a bug).
 */
export function composeSecret<K extends SecretKind>(kind: K, id: SecretIds[K], random: Uint8Array): string {
  if (random.length < SECRET_RANDOM_BYTES) throw new RangeError(`a secret needs ${SECRET_RANDOM_BYTES} random bytes`);
  const text = `aiaas_${kind}_${id.slice(ID_PREFIX[kind].length + 1)}_${randomCharacters(random)}`;
  return `${text}${checksumOf(text)}`;
}

const SECRET = /^aiaas_(live|test|sys|pat)_([0-9a-z]{26})_[0-9A-Za-z]{36}$/;

/** Whether a text begins like a secret of this platform, whatever follows; for telling it from foreign credentials. */
export function looksLikeSecret(text: string): boolean {
  return /^aiaas_(?:live|test|sys|pat)_/.test(text);
}

function parsedAs(kind: SecretKind, body: string): ParsedSecret | undefined {
  switch (kind) {
    case 'live':
    case 'test': {
      const id = parseId('key', `key_${body}`);
      return id && { ok: true, kind, id };
    }
    case 'sys':
    case 'pat': {
      const id = parseId('tok', `tok_${body}`);
      return id && { ok: true, kind, id };
    }
  }
}

/** Parses what a client presents and checks its checksum, without any lookup. */
export function parseSecret(text: string): ParsedSecret | InvalidSecret {
  const [, kind, body] = SECRET.exec(text) ?? [];
  if (kind === undefined || body === undefined) return { ok: false, reason: 'malformed' };
  if (checksumOf(text.slice(0, -CHECKSUM_CHARACTERS)) !== text.slice(-CHECKSUM_CHARACTERS))
    return { ok: false, reason: 'checksum' };
  return parsedAs(kind as SecretKind, body) ?? { ok: false, reason: 'malformed' };
}
