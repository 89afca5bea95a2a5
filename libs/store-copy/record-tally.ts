import type { EventId, StoredEvent, StreamName } from '#kernel';
import { RecordNotWholeError } from './errors';
import { RecordDigest } from './record-digest';

/** The last event of a stream. */
export interface StreamHead {
  readonly revision: bigint;
  readonly id: EventId;
}

/** What a store holds, as far as it was read. */
export interface RecordSummary {
  readonly events: number;
  readonly streams: number;
  /** Of RecordDigest, in hex. */
  readonly digest: string;
  /** Of the last event that was read; each store counts its own positions. 0n: none. */
  readonly position: bigint;
}

/** Counts events in the store's order, and refuses a record with a hole. About 150 bytes for each stream. */
export class RecordTally {
  readonly heads = new Map<StreamName, StreamHead>();
  readonly #digest = new RecordDigest();
  #events = 0;
  #position = 0n;

  /** @param store how sentences call it, for example "the source". */
  constructor(private readonly store: string) {}

  get events(): number {
    return this.#events;
  }

  get position(): bigint {
    return this.#position;
  }

  /** @throws RecordNotWholeError when the event does not follow the one before it in its stream. */
  add(event: StoredEvent): void {
    const expected = (this.heads.get(event.stream)?.revision ?? -1n) + 1n;
    if (event.revision !== expected)
      throw new RecordNotWholeError(
        `${this.store} does not hold all of ${event.stream}: revision ${event.revision} stands where ${expected} should; it was truncated or deleted and scavenged, so restore it from a backup`,
      );
    this.heads.set(event.stream, { revision: event.revision, id: event.id });
    this.#digest.add(event);
    this.#events += 1;
    this.#position = event.position;
  }

  finish(): RecordSummary {
    return {
      events: this.#events,
      streams: this.heads.size,
      digest: this.#digest.finish(),
      position: this.#position,
    };
  }
}
