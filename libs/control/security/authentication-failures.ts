import type { Identifiers } from '#environment';
import type { EventStore } from '#event-store';
import { type Clock, type EpochMs, epochMs } from '#kernel';
import { addressSource } from './address-source';
import { type AuthenticationFailureReason, type SecurityEvent, securityCodec, securityStream } from './events';

export const FAILURE_WINDOW_MS = 10_000;
/** Sources that one window tells apart; the rest is one sum. */
export const FAILURE_SOURCES_MAX = 1_000;
/** Keeps an event far below its size limit. */
const FAILURES_PER_EVENT = 200;

interface Row {
  readonly source: string;
  readonly reason: AuthenticationFailureReason;
  count: number;
}

export interface AuthenticationFailuresOptions {
  readonly store: EventStore;
  readonly clock: Pick<Clock, 'now'>;
  readonly identifiers: Pick<Identifiers, 'eventId'>;
  readonly onProblem: (problem: Error) => void;
}

/** Counts failed authentications and records them once per window: an attack must not fill the log. */
export class AuthenticationFailures {
  private readonly rows = new Map<string, Row>();
  private readonly sources = new Set<string>();
  private overflow = 0;
  private from: EpochMs | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: AuthenticationFailuresOptions) {}

  record(address: string, reason: AuthenticationFailureReason): void {
    this.from ??= this.options.clock.now();
    this.timer ??= this.startTimer();
    const source = addressSource(address);
    if (!this.sources.has(source) && this.sources.size >= FAILURE_SOURCES_MAX) {
      this.overflow += 1;
      return;
    }
    this.sources.add(source);
    const key = `${source} ${reason}`;
    const row = this.rows.get(key);
    if (row === undefined) this.rows.set(key, { source, reason, count: 1 });
    else row.count += 1;
  }

  /** Records the window that is open. What cannot be recorded is counted on, within the same limits. */
  async flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    const { from } = this;
    if (from === undefined) return;
    const rows = [...this.rows.values()];
    const { overflow } = this;
    this.from = undefined;
    this.rows.clear();
    this.sources.clear();
    this.overflow = 0;
    try {
      await this.append(from, rows, overflow);
    } catch (error) {
      this.takeBack(from, rows, overflow);
      this.options.onProblem(new Error('failed authentications could not be recorded', { cause: error }));
    }
  }

  private startTimer(): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.timer = undefined;
      this.flush().catch(this.options.onProblem);
    }, FAILURE_WINDOW_MS);
    // The record must not keep a process alive that wants to end: it flushes when it closes.
    return timer.unref();
  }

  private async append(from: EpochMs, rows: readonly Row[], overflow: number): Promise<void> {
    const { store, clock, identifiers } = this.options;
    const to = clock.now();
    const chunks = Array.from({ length: Math.max(1, Math.ceil(rows.length / FAILURES_PER_EVENT)) }, (_, index) =>
      rows.slice(index * FAILURES_PER_EVENT, (index + 1) * FAILURES_PER_EVENT),
    );
    const events = chunks.map(
      (failures, index): SecurityEvent => ({
        type: 'AuthenticationFailuresCounted',
        data: { from, to, failures, ...(index === 0 && overflow > 0 ? { overflow } : {}) },
      }),
    );
    const metadata = { actor: { type: 'system' as const, id: 'authentication' }, at: to };
    const encoded = events.map((event) => securityCodec.encode({ id: identifiers.eventId(), event, metadata }));
    // No decision depends on it, so any revision will do.
    await store.append(securityStream(epochMs(to)), 'any', encoded);
  }

  private takeBack(from: EpochMs, rows: readonly Row[], overflow: number): void {
    this.from = from;
    this.overflow += overflow;
    this.timer ??= this.startTimer();
    for (const row of rows) {
      const key = `${row.source} ${row.reason}`;
      const newer = this.rows.get(key);
      if (newer !== undefined) newer.count += row.count;
      else if (this.sources.has(row.source) || this.sources.size < FAILURE_SOURCES_MAX) {
        this.sources.add(row.source);
        this.rows.set(key, row);
      } else this.overflow += row.count;
    }
  }
}
