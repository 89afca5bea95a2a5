import type { StoredEvent, StreamName } from '#kernel';
import type { EventStoreReader, ReadAllOptions, ReadStreamOptions } from '../port';
import { EventLog, type Table } from './event-log';
import { EventLogReads } from './event-log-reads';
import { openTableReadOnly } from './open-table';

/** Reads a store that the main thread, or another process, may be writing to. Sees every append that resolved. */
export class LmdbEventStoreReader implements EventStoreReader {
  readonly #reads: EventLogReads;
  #closing: Promise<void> | undefined;

  constructor(
    readonly storeId: string,
    private readonly table: Table,
  ) {
    this.#reads = new EventLogReads(new EventLog(table));
  }

  readStream(stream: StreamName, options?: ReadStreamOptions): AsyncIterable<StoredEvent> {
    return this.#reads.readStream(stream, options);
  }

  readAll(options?: ReadAllOptions): AsyncIterable<StoredEvent> {
    return this.#reads.readAll(options);
  }

  streamNames(prefix: string): AsyncIterable<StreamName> {
    return this.#reads.streamNames(prefix);
  }

  lastPosition(): Promise<bigint> {
    return this.#reads.lastPosition();
  }

  close(): Promise<void> {
    this.#reads.close();
    this.#closing ??= this.table.close();
    return this.#closing;
  }
}

/** Opens the store of a directory for reading, in any thread. @throws StoreOpenError */
export function openLmdbEventStoreReader(directory: string): LmdbEventStoreReader {
  const { table, storeId } = openTableReadOnly(directory);
  return new LmdbEventStoreReader(storeId, table);
}
