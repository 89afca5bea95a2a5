import type { EventStore } from '#event-store';
import type { ReadSideClient } from '#read-side';

/** How often the end of a shared record is asked for. */
const POLL_MS = 100;
/** While the record does not answer, the pause doubles up to this. */
const POLL_MS_MAX = 5_000;

type Views = Pick<ReadSideClient, 'poke'>;

export interface Telling {
  close(): Promise<void>;
}

/** Tells the views how far the record has grown, as this process's own store knows without being asked. */
export async function tellViews(store: EventStore, views: Views): Promise<Telling> {
  const after = await store.lastPosition();
  views.poke(after);
  return store.subscribe({
    after,
    // Only where the record ends matters here: of no stream are events read.
    streamPrefixes: [],
    onEvent: () => undefined,
    onCaughtUp: (position) => views.poke(position),
  });
}

/**
 * Tells the views how far a record has grown that others write to as well: a store on another machine tells a
 * subscriber nothing about events that it does not want, so its end is asked for.
 */
export function pollForViews(store: Pick<EventStore, 'lastPosition'>, views: Views, pollMs = POLL_MS): Telling {
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;
  let failures = 0;
  let known = 0n;
  const poll = async (): Promise<void> => {
    try {
      const last = await store.lastPosition();
      failures = 0;
      if (last !== known) views.poke(last);
      known = last;
    } catch {
      // Whoever needs the store reports that it is away; the views show by their watermark how far they are.
      failures += 1;
    }
    if (isClosed) return;
    timer = setTimeout(next, Math.min(pollMs * 2 ** failures, POLL_MS_MAX));
    timer.unref();
  };
  let polling = Promise.resolve();
  const next = (): void => {
    polling = poll();
  };
  next();
  return {
    async close() {
      isClosed = true;
      clearTimeout(timer);
      await polling;
    },
  };
}
