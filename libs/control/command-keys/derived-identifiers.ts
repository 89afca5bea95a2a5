import { createHmac } from 'node:crypto';
import type { Identifiers } from '#environment';
import { composeId, type EpochMs, type IdKinds, type IdPrefix } from '#kernel';

const ID_BYTES = 10;
const HMAC_BYTES = 64;

/**
 * Ids and random bytes of a keyed command: unpredictable without the platform's key and the client's Idempotency-Key,
 * and the same whenever the command is repeated. So a repeat finds what it made, and an issued secret need not be kept.
 */
export function derivedIdentifiers(
  platformKey: Uint8Array,
  scope: string,
  at: EpochMs,
): Pick<Identifiers, 'id' | 'random'> {
  let ids = 0;
  let draws = 0;
  const derive = (label: string) =>
    createHmac('sha512', platformKey)
      .update(JSON.stringify(['command', scope, at, label]))
      .digest();
  return {
    id<P extends IdPrefix>(prefix: P): IdKinds[P] {
      ids += 1;
      return composeId(prefix, at, derive(`id ${prefix} ${ids}`).subarray(0, ID_BYTES));
    },
    random(bytes) {
      if (bytes > HMAC_BYTES) throw new RangeError(`at most ${HMAC_BYTES} bytes can be derived at once`);
      draws += 1;
      return new Uint8Array(derive(`random ${draws}`).subarray(0, bytes));
    },
  };
}
