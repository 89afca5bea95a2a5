/**
 * Branded identifiers. An id is `<prefix>_<26 characters>`: 48 bits of milliseconds and 80 random bits in Crockford's
 * base32, so ids sort by age, cannot be guessed and say what they name.
 */
declare const brand: unique symbol;
export type Branded<T, B extends string> = T & { readonly [brand]: B };

export type OrganizationId = Branded<string, 'OrganizationId'>;
export type ProjectId = Branded<string, 'ProjectId'>;
export type TeamId = Branded<string, 'TeamId'>;
export type ServiceAccountId = Branded<string, 'ServiceAccountId'>;
export type MemberId = Branded<string, 'MemberId'>;
export type ApiKeyId = Branded<string, 'ApiKeyId'>;
/** A token of a system administrator, a member or a service account; not an API key. */
export type SystemTokenId = Branded<string, 'SystemTokenId'>;
export type BudgetId = Branded<string, 'BudgetId'>;
export type BackendId = Branded<string, 'BackendId'>;
/** The platform makes it; on `/v1` it is also the call id. */
export type RequestId = Branded<string, 'RequestId'>;
export type CallId = RequestId;
/** Names one start of one process; the owner of the holds that it takes. */
export type BootId = Branded<string, 'BootId'>;
/** What clients name in `model`: may hold slashes, at most 256 bytes. */
export type ModelId = Branded<string, 'ModelId'>;
/** An RFC 9562 UUID (version 7); random, so that siblings in a proof reveal nothing about each other. */
export type EventId = Branded<string, 'EventId'>;

/** Which prefix each kind of id carries; composed and parsed here only. */
export interface IdKinds {
  org: OrganizationId;
  prj: ProjectId;
  team: TeamId;
  sa: ServiceAccountId;
  mem: MemberId;
  key: ApiKeyId;
  tok: SystemTokenId;
  bgt: BudgetId;
  bkd: BackendId;
  req: RequestId;
  boot: BootId;
}
export type IdPrefix = keyof IdKinds;

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const RANDOM_BYTES = 10;

function base32Time(epochMs: number): string {
  let text = '';
  for (let rest = epochMs, i = 0; i < 10; i += 1, rest = Math.floor(rest / 32))
    text = ALPHABET.charAt(rest % 32) + text;
  return text;
}

function base32Random(random: Uint8Array): string {
  let text = '';
  let bits = 0;
  let value = 0;
  for (const byte of random) {
    value = ((value << 8) | byte) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET.charAt((value >> bits) & 31);
    }
  }
  return text;
}

/**
 * Composes an id from a time and 10 random bytes; pure, so that the domain never reaches for a clock or for entropy.
 * @throws RangeError when fewer than 10 random bytes are given (a bug of the caller).
 */
export function composeId<P extends IdPrefix>(prefix: P, epochMs: number, random: Uint8Array): IdKinds[P] {
  if (random.length < RANDOM_BYTES) throw new RangeError(`an id needs ${RANDOM_BYTES} random bytes`);
  return `${prefix}_${base32Time(epochMs)}${base32Random(random.subarray(0, RANDOM_BYTES))}` as IdKinds[P];
}

const ID_BODY = /^[0-9a-hjkmnp-tv-z]{26}$/;

/** Parses an id of one kind; anything else is `undefined`. */
export function parseId<P extends IdPrefix>(prefix: P, text: string): IdKinds[P] | undefined {
  return text.startsWith(`${prefix}_`) && ID_BODY.test(text.slice(prefix.length + 1))
    ? (text as IdKinds[P])
    : undefined;
}

/** The time that an id was composed from, in milliseconds since the epoch. */
export function idTime(id: IdKinds[IdPrefix]): number {
  const body = id.slice(id.indexOf('_') + 1, id.indexOf('_') + 11);
  return [...body].reduce((time, character) => time * 32 + ALPHABET.indexOf(character), 0);
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** Composes a version 7 UUID (RFC 9562 §5.7) from a time and 10 random bytes: 74 random bits. */
export function composeEventId(epochMs: number, random: Uint8Array): EventId {
  if (random.length < RANDOM_BYTES) throw new RangeError(`an event id needs ${RANDOM_BYTES} random bytes`);
  const bytes = new Uint8Array(16);
  for (let i = 5, rest = epochMs; i >= 0; i -= 1, rest = Math.floor(rest / 256)) bytes[i] = rest % 256;
  bytes.set(random.subarray(0, RANDOM_BYTES), 6);
  bytes[6] = 0x70 | ((bytes[6] ?? 0) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
  const hex = Buffer.from(bytes.buffer).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}` as EventId;
}

export function parseEventId(text: string): EventId | undefined {
  return UUID.test(text) ? (text as EventId) : undefined;
}
