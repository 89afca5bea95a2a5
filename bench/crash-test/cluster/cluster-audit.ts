import { createHash, type Hash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventStoreDbEventStore, parseConnectionString } from '#event-store/eventstoredb';
import type { ClientCall } from '../answered-call';
import { CallAudit } from '../call-audit';
import { type AuditedCall, type AuditedSums, LedgerAudit } from '../ledger-audit';
import { eventsOfLedgers, type RecordedEvent } from '../recorded-ledger';
import type { Violations } from '../violations';

const STORE_RETRY_MS = 500;
const STORE_RETRIES_MAX = 240;
/** A lease, the look at it, the sweep of ledgers that nobody uses, and patience with a busy machine. */
const HOLDS_ENDED_MS_MAX = 60_000;
const HOLDS_POLL_MS = 500;

function add(digest: Hash, { stream, revision, position, type, atMs, data }: RecordedEvent): void {
  digest.update(JSON.stringify([stream, String(revision), String(position), type, atMs, data]));
}

/** Follows the record while it is written, and compares it with what clients and upstream saw. */
export class ClusterAudit {
  readonly #store: EventStoreDbEventStore;
  readonly #ledger: LedgerAudit;
  readonly #calls: CallAudit;
  readonly #digest = createHash('sha256');
  #seenPosition = 0n;
  #events = 0;
  /** The longest that holds have outlived the load. */
  restMsMax = 0;

  constructor(
    connectionString: string,
    private readonly violations: Violations,
    upstreamLog: string,
  ) {
    this.#store = new EventStoreDbEventStore(parseConnectionString(connectionString));
    this.#ledger = new LedgerAudit(violations);
    this.#calls = new CallAudit(violations, upstreamLog);
  }

  get events(): number {
    return this.#events;
  }

  get upstreamCalls(): number {
    return this.#calls.upstreamCalls;
  }

  budget(id: string): AuditedSums {
    const budget = this.#ledger.budget(id);
    if (budget === undefined) throw new Error(`the budget ${id} is not on record`);
    return budget;
  }

  unresolvedCalls(): AuditedCall[] {
    return this.#ledger.unresolvedCalls();
  }

  /** Takes what was recorded since the last time; waits for a store that is away. */
  async follow(): Promise<void> {
    for (let tries = 1; ; tries += 1)
      try {
        for await (const event of eventsOfLedgers(this.#store, this.#seenPosition)) this.#take(event);
        return;
      } catch (error) {
        if (tries >= STORE_RETRIES_MAX) throw error;
        await sleep(STORE_RETRY_MS);
      }
  }

  #take(event: RecordedEvent): void {
    this.#ledger.take(event);
    this.#seenPosition = event.position;
    this.#events += 1;
    add(this.#digest, event);
    if (event.type !== 'InferenceAuthorized') return;
    const call = this.#ledger.calls.get(String(event.data.callId));
    if (call !== undefined) this.#calls.authorized(call);
  }

  /** With every gateway ready and nobody calling: after a lease and a sweep no hold is left, and all that was seen is on record. */
  async checkRest(ended: readonly ClientCall[]): Promise<void> {
    await this.#untilNoHolds();
    this.#ledger.checkNoHolds();
    this.#calls.readUpstream();
    await this.#untilNoHolds();
    this.#calls.checkUpstream();
    this.#calls.checkClients(ended);
  }

  async #untilNoHolds(): Promise<void> {
    const sinceMs = performance.now();
    for (;;) {
      await this.follow();
      const restMs = performance.now() - sinceMs;
      this.restMsMax = Math.max(this.restMsMax, restMs);
      if (this.#ledger.openCalls.length === 0 || restMs > HOLDS_ENDED_MS_MAX) return;
      await sleep(HOLDS_POLL_MS);
    }
  }

  /** Reads the whole record once more: it is what was read piece by piece while it was written. */
  async checkHistory(): Promise<void> {
    await this.follow();
    const again = createHash('sha256');
    let left = this.#events;
    for await (const event of eventsOfLedgers(this.#store, 0n)) {
      if (left === 0) break;
      left -= 1;
      add(again, event);
    }
    if (again.digest('hex') !== this.#digest.copy().digest('hex'))
      this.violations.add('the record is not what was read while it was written');
  }

  /** Writes all events of ledgers to a file, for whoever looks into a violation. */
  async writeRecord(file: string): Promise<void> {
    const lines: string[] = [];
    for await (const event of eventsOfLedgers(this.#store, 0n))
      lines.push(JSON.stringify(event, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)));
    writeFileSync(file, `${lines.join('\n')}\n`);
  }

  async close(): Promise<void> {
    await this.#store.close();
  }
}
