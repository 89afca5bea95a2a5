import type { Identifiers } from '#environment';
import type { EventStore } from '#event-store';
import { type Clock, type EpochMs, epochMs, type RequestId } from '#kernel';
import { addressSource } from '../security';
import { type Access, type AccessEvent, accessCodec, accessStream } from './events';

export const ACCESS_WINDOW_MS = 10_000;
/** Accesses of different kinds, routes, organizations, codes and sources that one window tells apart; the rest is one sum. */
export const ACCESS_ROWS_MAX = 1_000;
/** Keeps an event far below its size limit. */
const ROWS_PER_EVENT = 100;

type Row = AccessEvent['data']['accesses'][number];

export interface AccessRecordsOptions {
  readonly store: EventStore;
  readonly clock: Pick<Clock, 'now'>;
  readonly identifiers: Pick<Identifiers, 'eventId'>;
  readonly onProblem: (problem: Error) => void;
}

export interface NotedAccess extends Omit<Access, 'source'> {
  /** The client's. */
  readonly address: string;
  readonly requestId?: RequestId;
}

/** Counts what leaves no event by itself, and records it once per window: a flood must not fill the record. */
export class AccessRecords {
  private rows = new Map<string, Row>();
  private overflow = 0;
  private from: EpochMs | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: AccessRecordsOptions) {}

  note({ address, requestId, ...access }: NotedAccess): void {
    this.open(this.options.clock.now());
    const first = requestId === undefined ? {} : { firstRequestId: requestId };
    this.count({ ...access, source: addressSource(address), count: 1, ...first });
  }

  /** Records the window that is open. What cannot be recorded is counted on, within the same limits. */
  async flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    const { from, rows, overflow } = this;
    if (from === undefined) return;
    this.from = undefined;
    this.rows = new Map();
    this.overflow = 0;
    try {
      await this.append(from, [...rows.values()], overflow);
    } catch (error) {
      this.overflow += overflow;
      this.open(from);
      // The window that was opened meanwhile began later.
      this.from = from;
      for (const row of rows.values()) this.count(row);
      this.options.onProblem(new Error('accesses could not be recorded', { cause: error }));
    }
  }

  private open(from: EpochMs): void {
    this.from ??= from;
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.flush().catch(this.options.onProblem);
      // The record must not keep a process alive that wants to end: it flushes when it closes.
    }, ACCESS_WINDOW_MS).unref();
  }

  private count(row: Row): void {
    const { kind, tokenId, source, route, orgId = '', code = '' } = row;
    const key = [kind, tokenId, source, route, orgId, code].join(' ');
    const known = this.rows.get(key);
    if (known !== undefined) this.rows.set(key, { ...known, count: known.count + row.count });
    else if (this.rows.size >= ACCESS_ROWS_MAX) this.overflow += row.count;
    else this.rows.set(key, row);
  }

  private async append(from: EpochMs, rows: readonly Row[], overflow: number): Promise<void> {
    const { store, clock, identifiers } = this.options;
    const to = clock.now();
    const chunks = Array.from({ length: Math.max(1, Math.ceil(rows.length / ROWS_PER_EVENT)) }, (_, index) =>
      rows.slice(index * ROWS_PER_EVENT, (index + 1) * ROWS_PER_EVENT),
    );
    const metadata = { actor: { type: 'system' as const, id: 'access' }, at: to };
    const encoded = chunks.map((accesses, index) => {
      const rest = index === 0 && overflow > 0 ? { overflow } : {};
      const event: AccessEvent = { type: 'AccessesCounted', data: { from, to, accesses, ...rest } };
      return accessCodec.encode({ id: identifiers.eventId(), event, metadata });
    });
    // No decision depends on it, so any revision will do.
    await store.append(accessStream(epochMs(to)), 'any', encoded);
  }
}
