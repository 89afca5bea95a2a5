import { randomFillSync } from 'node:crypto';
import { type Clock, composeEventId, composeId, type EventId, type IdKinds, type IdPrefix } from '#kernel';

/** Where ids and randomness come from outside the domain. */
export interface Identifiers {
  eventId(): EventId;
  id<P extends IdPrefix>(prefix: P): IdKinds[P];
  random(bytes: number): Uint8Array;
}

const ID_BYTES = 10;
/** Random bytes are drawn in blocks: one call to the system per id would cost more than the id. */
const POOL_BYTES = 4_096;

export function systemIdentifiers(clock: Clock): Identifiers {
  const pool = Buffer.alloc(POOL_BYTES);
  let used = POOL_BYTES;
  const take = (bytes: number): Uint8Array => {
    if (used + bytes > POOL_BYTES) {
      randomFillSync(pool);
      used = 0;
    }
    const taken = Uint8Array.prototype.slice.call(pool, used, used + bytes);
    pool.fill(0, used, used + bytes); // What was given out is kept nowhere else.
    used += bytes;
    return taken;
  };
  return {
    eventId: () => composeEventId(clock.now(), take(ID_BYTES)),
    id: (prefix) => composeId(prefix, clock.now(), take(ID_BYTES)),
    random: (bytes) => (bytes > 256 ? randomFillSync(new Uint8Array(bytes)) : take(bytes)),
  };
}
