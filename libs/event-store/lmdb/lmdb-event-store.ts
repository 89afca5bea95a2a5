import { writeSync } from 'node:fs';
import type { EncodedEvent, StoredEvent, StreamName } from '#kernel';
import { assertValidAppend } from '../append-rules';
import { type Committed, InProcessSubscriptions } from '../in-process-subscription';
import type {
  AppendResult,
  EventStore,
  ExpectedRevision,
  ReadAllOptions,
  ReadStreamOptions,
  SubscribeOptions,
  Subscription,
} from '../port';
import { DirectoryClaim } from './directory-claim';
import { DiskSpace } from './disk-space';
import { EventLog, type Table } from './event-log';
import { EventLogReads } from './event-log-reads';
import { GroupCommit } from './group-commit';
import { asOpenError, openTable, prepareDirectory } from './open-table';

/** EX_IOERR of sysexits.h. */
const EXIT_IO_ERROR = 74;

export interface LmdbEventStoreOptions {
  /** A local directory for this store alone; made if it does not exist. */
  readonly directory: string;
  /**
   * Called when a write or a sync failed. Default: says so on stderr and exits with status 74, because an append that
   * may or may not be on disk must be decided by reading the disk again.
   */
  readonly onFatal?: (sentence: string) => void;
  /** With less than this free on its disk the store refuses appends. Default: DISK_FREE_BYTES_MIN. */
  readonly diskFreeBytesMin?: number;
}

/** The embedded event store: one writing process, durable when an append resolves. Opened by `openLmdbEventStore`. */
export class LmdbEventStore implements EventStore {
  readonly #reads: EventLogReads;
  readonly #commits: GroupCommit;
  readonly #subscriptions = new InProcessSubscriptions();
  #closing: Promise<void> | undefined;

  constructor(
    /** Made at random when the store was created. */
    readonly storeId: string,
    private readonly table: Table,
    private readonly claim: DirectoryClaim,
    private readonly diskSpace: DiskSpace,
    onFatal: (sentence: string) => void,
  ) {
    const log = new EventLog(table);
    this.#reads = new EventLogReads(log);
    const onCommitted = (committed: Committed): void => this.#subscriptions.notify(committed);
    this.#commits = new GroupCommit(table, log, { onCommitted, onFatal });
  }

  async append(stream: StreamName, expected: ExpectedRevision, events: readonly EncodedEvent[]): Promise<AppendResult> {
    this.#reads.assertOpen();
    assertValidAppend(stream, expected, events);
    this.diskSpace.assertEnough();
    return this.#commits.append(stream, expected, events);
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

  subscribe(options: SubscribeOptions): Subscription {
    this.#reads.assertOpen();
    return this.#subscriptions.open((after, prefixes) => this.#reads.readPage(after, prefixes), options);
  }

  async lastPosition(): Promise<bigint> {
    this.#reads.assertOpen();
    return BigInt(this.#commits.lastPosition);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#reads.close();
    await this.#subscriptions.close();
    await this.#commits.idle();
    await this.table.close();
    await this.claim.release();
  }
}

/**
 * Opens the store of a directory and claims it for this process.
 * @throws StoreOpenError when the directory is in use, not writable, no directory, or written by a newer version.
 */
export function openLmdbEventStore(options: LmdbEventStoreOptions): LmdbEventStore {
  const { directory } = options;
  prepareDirectory(directory);
  let claim: DirectoryClaim | undefined;
  try {
    claim = DirectoryClaim.take(directory);
    const { table, storeId } = openTable(directory);
    const diskSpace = new DiskSpace(directory, options.diskFreeBytesMin);
    return new LmdbEventStore(storeId, table, claim, diskSpace, options.onFatal ?? exitProcess);
  } catch (error) {
    void claim?.release();
    throw asOpenError(directory, error);
  }
}

/**
 * Claims a directory that holds other things of one process alone; one that does not exist is made.
 * @param what is in it, for sentences.
 * @throws StoreOpenError when another process has claimed it, or it is no directory that this user can write.
 */
export function claimDirectory(directory: string, what: string): DirectoryClaim {
  prepareDirectory(directory);
  return DirectoryClaim.take(directory, what);
}

function exitProcess(sentence: string): void {
  // Written directly, because the process ends before a stream would be flushed.
  writeSync(2, `${sentence}. The process ends; check the disk and start again: everything acknowledged is there.\n`);
  process.exit(EXIT_IO_ERROR);
}
