import { type EventStore, StoreHistoryChangedError, type Subscription } from '#event-store';
import type { Cluster } from './cluster';
import { applyEvent, CONTROL_STREAM_PREFIXES, type ControlRecords } from './records';

const RETRY_MS = 1_000;

interface Waiter {
  readonly position: bigint;
  readonly resolve: (reached: boolean) => void;
}

export interface FollowerOptions {
  readonly store: EventStore;
  readonly records: ControlRecords;
  readonly onProblem: (problem: Error) => void;
  readonly cluster?: Cluster;
  /** The store was restored to an older state: what is warm in this process never happened, as far as it knows. */
  readonly onHistoryChanged?: (reason: Error) => void;
}

/** Keeps the warm records up with the store, and says how far they are. */
export class Follower {
  private subscription: Subscription | undefined;
  private retry: NodeJS.Timeout | undefined;
  private reached = 0n;
  private isClosed = false;
  private readonly waiters = new Set<Waiter>();

  constructor(private readonly options: FollowerOptions) {}

  /** @param after everything up to it is known already. */
  start(after: bigint): void {
    this.reach(after);
    this.subscribe();
  }

  get position(): bigint {
    return this.reached;
  }

  /** Whether the records are being kept up; not after a failure, until the next try. */
  get isFollowing(): boolean {
    return this.subscription !== undefined && this.options.cluster?.isFresh() !== false;
  }

  /** Whether everything up to a position is known, waiting for it at most so long. */
  async waitFor(position: bigint, timeoutMs: number): Promise<boolean> {
    if (this.reached >= position) return true;
    return new Promise((resolve) => {
      const waiter: Waiter = {
        position,
        resolve: (reached) => {
          clearTimeout(timer);
          this.waiters.delete(waiter);
          resolve(reached);
        },
      };
      const timer = setTimeout(() => waiter.resolve(false), timeoutMs);
      this.waiters.add(waiter);
    });
  }

  async close(): Promise<void> {
    this.isClosed = true;
    clearTimeout(this.retry);
    for (const waiter of this.waiters) waiter.resolve(false);
    await this.subscription?.close();
    this.subscription = undefined;
  }

  private subscribe(): void {
    const { store, records, cluster } = this.options;
    this.subscription = store.subscribe({
      after: this.reached,
      streamPrefixes:
        cluster === undefined ? CONTROL_STREAM_PREFIXES : [...CONTROL_STREAM_PREFIXES, cluster.streamPrefix],
      onEvent: async (stored) => {
        if (cluster !== undefined && stored.stream.startsWith(cluster.streamPrefix)) cluster.take(stored);
        else await applyEvent(records, stored);
        this.reach(stored.position);
      },
      onCaughtUp: (position) => {
        this.reach(position);
        cluster?.caughtUp();
      },
      onDropped: (reason) => this.dropped(reason),
    });
  }

  private dropped(reason: Error): void {
    this.subscription = undefined;
    if (this.isClosed) return;
    if (reason instanceof StoreHistoryChangedError) {
      this.options.onHistoryChanged?.(reason);
      return;
    }
    this.options.onProblem(new Error('control facts are no longer followed; trying again', { cause: reason }));
    this.retry = setTimeout(() => this.resume(), RETRY_MS).unref();
  }

  private resume(): void {
    if (this.isClosed) return;
    try {
      this.subscribe();
    } catch (error) {
      this.dropped(error instanceof Error ? error : new Error(String(error)));
    }
  }

  private reach(position: bigint): void {
    if (position <= this.reached) return;
    this.reached = position;
    for (const waiter of this.waiters) if (position >= waiter.position) waiter.resolve(true);
  }
}
