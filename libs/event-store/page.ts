import type { StoredEvent } from '#kernel';
import type { ReadAllOptions } from './port';

/** How many positions one page covers at most: enough to amortize a read, little enough to keep the event loop free. */
export const PAGE_EVENTS_MAX = 256;
/** A page ends early after so many bytes of bodies, so that large events do not pile up in memory. */
export const PAGE_BYTES_MAX = 1_000_000;

/** A bounded piece of the store's whole order. */
export interface Page {
  readonly events: readonly StoredEvent[];
  /** The last position looked at, matching or not; where the next page begins after. */
  readonly reached: bigint;
  /** Nothing was written after `reached` when the page was read. */
  readonly atEnd: boolean;
}

/** Reads one page after a position, synchronously, from a store in this process. */
export type ReadPage = (after: bigint, streamPrefixes: readonly string[] | undefined) => Page;

export function matchesPrefix(stream: string, prefixes: readonly string[] | undefined): boolean {
  if (prefixes === undefined) return true;
  for (const prefix of prefixes) if (stream.startsWith(prefix)) return true;
  return false;
}

/** Lets timers and sockets have their turn between two pages. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** `readAll` over pages: no read stays open while the caller works on an event. */
export async function* readAllPages(readPage: ReadPage, options: ReadAllOptions): AsyncGenerator<StoredEvent> {
  let left = options.eventsMax ?? Number.POSITIVE_INFINITY;
  let after = options.after ?? 0n;
  while (left > 0) {
    const page = readPage(after, options.streamPrefixes);
    for (const event of page.events) {
      if (left <= 0) return;
      left -= 1;
      yield event;
    }
    if (page.atEnd) return;
    after = page.reached;
    await nextTurn();
  }
}
