import type { StoredEvent, StreamName } from '#kernel';
import { nextTurn, PAGE_EVENTS_MAX, type Page, readAllPages } from '../page';
import { type ReadAllOptions, type ReadStreamOptions, StoreUnavailableError } from '../port';
import type { EventLog } from './event-log';

/** Turns the log's pages into the port's iterables. Nothing is held open between two pages. */
export class EventLogReads {
  #closed = false;

  constructor(private readonly log: EventLog) {}

  async *readStream(stream: StreamName, options: ReadStreamOptions = {}): AsyncGenerator<StoredEvent> {
    const backwards = options.direction === 'backwards';
    let left = options.eventsMax ?? Number.POSITIVE_INFINITY;
    let from = options.from === undefined ? (backwards ? Number.MAX_SAFE_INTEGER : 0) : Number(options.from);
    const number = this.#fresh().streamNumber(stream);
    if (number === undefined) return;
    while (left > 0 && from >= 0) {
      const page = this.#fresh().readStreamPage(number, stream, { from, backwards, eventsMax: left });
      for (const event of page) {
        from = Number(event.revision) + (backwards ? -1 : 1);
        left -= 1;
        yield event;
      }
      if (page.length === 0) return;
      // A full page may be the last one, too; a short read of a few events should not cost a turn of the event loop.
      if (page.length >= PAGE_EVENTS_MAX) await nextTurn();
    }
  }

  readAll(options: ReadAllOptions = {}): AsyncIterable<StoredEvent> {
    return readAllPages((after, prefixes) => this.readPage(after, prefixes), options);
  }

  readPage(after: bigint, prefixes: readonly string[] | undefined): Page {
    return this.#fresh().readPage(Number(after), prefixes);
  }

  async *streamNames(prefix: string): AsyncGenerator<StreamName> {
    let after: StreamName | undefined;
    for (;;) {
      const names = this.#fresh().streamNamesPage(prefix, after);
      if (names.length === 0) return;
      yield* names;
      after = names.at(-1);
    }
  }

  async lastPosition(): Promise<bigint> {
    return BigInt(this.#fresh().lastPosition());
  }

  assertOpen(): void {
    if (this.#closed) throw new StoreUnavailableError('the event store is closed');
  }

  close(): void {
    this.#closed = true;
  }

  #fresh(): EventLog {
    this.assertOpen();
    this.log.refresh();
    return this.log;
  }
}
