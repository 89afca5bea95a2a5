import type { Identifiers } from '#environment';
import type { EventStore } from '#event-store';
import { type ApiKeyId, type Clock, type EpochMs, epochMs, type SystemTokenId } from '#kernel';
import { addressSource } from './address-source';
import { type AuthenticationFailureReason, type SecurityEvent, securityCodec, securityStream } from './events';

export const FAILURE_WINDOW_MS = 10_000;
/** Sources that one window tells apart; the rest is one sum. */
export const FAILURE_SOURCES_MAX = 1_000;
/** Keys and tokens that one window names, per reason and source; what others did is counted without their names. */
export const FAILURE_NAMES_MAX = 1_000;
/** Keeps an event far below its size limit. */
const FAILURES_PER_EVENT = 200;

/** Whose credential was presented, as far as there is a key or a token with that id. */
export type Presenter = { readonly keyId?: ApiKeyId; readonly tokenId?: SystemTokenId };

interface Row extends Presenter {
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
  private names = 0;
  private overflow = 0;
  private from: EpochMs | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: AuthenticationFailuresOptions) {}

  record(address: string, reason: AuthenticationFailureReason, presenter: Presenter = {}): void {
    this.from ??= this.options.clock.now();
    this.timer ??= this.startTimer();
    this.count({ ...presenter, source: addressSource(address), reason, count: 1 });
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
    this.names = 0;
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
    for (const row of rows) this.count(row);
  }

  private count(row: Row): void {
    const { source, reason, keyId, tokenId } = row;
    const name = keyId ?? tokenId;
    const key = `${source} ${reason}${name === undefined ? '' : ` ${name}`}`;
    const known = this.rows.get(key);
    if (known !== undefined) known.count += row.count;
    else if (!this.sources.has(source) && this.sources.size >= FAILURE_SOURCES_MAX) this.overflow += row.count;
    else if (name !== undefined && this.names >= FAILURE_NAMES_MAX) this.count({ source, reason, count: row.count });
    else {
      this.sources.add(source);
      if (name !== undefined) this.names += 1;
      this.rows.set(key, row);
    }
  }
}
