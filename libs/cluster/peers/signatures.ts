import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Branded } from '#kernel';
import { canonicalJson } from '#kernel';

/** What the gateways of one cluster share; it never leaves a process. */
export type PeerKey = Branded<Uint8Array, 'PeerKey'>;

/** One step of HKDF's expansion (RFC 5869 §2.3), so that the master key itself signs nothing. */
export function derivePeerKey(masterKey: Uint8Array): PeerKey {
  return createHmac('sha256', masterKey).update('aiaas gateway peers\x01').digest() as unknown as PeerKey;
}

export const HEADERS = {
  /** The boot that is meant: a restarted gateway is another one, and remembers no nonces of the one before. */
  to: 'aiaas-peer-to',
  /** Milliseconds since the epoch. */
  time: 'aiaas-peer-time',
  nonce: 'aiaas-peer-nonce',
  /** Of the body: so that headers alone tell a peer from a stranger, whose body nobody reads. */
  digest: 'aiaas-peer-digest',
  signature: 'aiaas-peer-signature',
} as const;

export interface SignedRequest {
  readonly method: string;
  readonly path: string;
  readonly to: string;
  readonly time: string;
  readonly nonce: string;
  readonly digest: string;
}

export interface SignedAnswer {
  /** Of the request: an answer answers one request and no other. */
  readonly nonce: string;
  readonly status: number;
  readonly body: Uint8Array;
}

export function signRequest(key: PeerKey, { method, path, to, time, nonce, digest }: SignedRequest): string {
  return sign(key, ['request', method, path, to, time, nonce, digest]);
}

export function signAnswer(key: PeerKey, { nonce, status, body }: SignedAnswer): string {
  return sign(key, ['answer', nonce, String(status), digestOf(body)]);
}

/** Takes the same time wherever two signatures, or two digests, differ. */
export function isSameSignature(expected: string, given: string): boolean {
  const [first, second] = [Buffer.from(expected), Buffer.from(given)];
  return first.length === second.length && timingSafeEqual(first, second);
}

/** An array of strings as JSON can be read in one way only, so no part can pass for another. */
function sign(key: PeerKey, parts: readonly string[]): string {
  return createHmac('sha256', key).update(canonicalJson(parts)).digest('base64url');
}

export function digestOf(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('base64url');
}
