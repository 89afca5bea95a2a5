import { closeSync, openSync, readSync } from 'node:fs';
import { type CallEnd, type ClientCall, PROMPT_TOKENS } from './answered-call';
import { type AuditedCall, costOfTokens } from './ledger-audit';
import type { Violations } from './violations';

type Acknowledged = Extract<CallEnd, { kind: 'acknowledged' }>;

interface UpstreamLine {
  readonly at: number;
  readonly marker?: string;
}

/** Reads the lines that the upstream has written since the last time. */
class LogTail {
  #offset = 0;
  #rest = '';

  constructor(private readonly path: string) {}

  read(): UpstreamLine[] {
    const file = openSync(this.path, 'r');
    try {
      const buffer = Buffer.alloc(1_048_576);
      let text = this.#rest;
      for (;;) {
        const bytes = readSync(file, buffer, 0, buffer.length, this.#offset);
        if (bytes === 0) break;
        this.#offset += bytes;
        text += buffer.toString('utf8', 0, bytes);
      }
      const lines = text.split('\n');
      this.#rest = lines.pop() ?? '';
      return lines.map((line) => JSON.parse(line) as UpstreamLine);
    } finally {
      closeSync(file);
    }
  }
}

/** Compares what the upstream and the clients saw with what the record says. */
export class CallAudit {
  readonly #tail: LogTail;
  /** Lines of the upstream that are still to be compared. */
  #seen: UpstreamLine[] = [];
  /** Authorizations by marker, in their order, and how many upstream calls they have been matched with. */
  readonly #authorized = new Map<string, { readonly calls: AuditedCall[]; dispatched: number }>();
  #upstreamCalls = 0;

  constructor(
    private readonly violations: Violations,
    upstreamLog: string,
  ) {
    this.#tail = new LogTail(upstreamLog);
  }

  get upstreamCalls(): number {
    return this.#upstreamCalls;
  }

  authorized(call: AuditedCall): void {
    if (call.marker === undefined) return;
    const known = this.#authorized.get(call.marker);
    if (known === undefined) this.#authorized.set(call.marker, { calls: [call], dispatched: 0 });
    else known.calls.push(call);
  }

  /**
   * Takes in what the upstream has seen until now. To be called before the record is read: what the upstream sees later
   * may have been authorized later than that.
   */
  readUpstream(): void {
    this.#seen.push(...this.#tail.read());
  }

  /**
   * Every call that the upstream saw has an authorization of its own that was recorded before, and that was not ended as
   * if nothing had been sent. To be called where no hold is left.
   */
  checkUpstream(): void {
    const markers = new Set<string>();
    for (const { marker = 'a call without a marker', at } of this.#seen.splice(0)) {
      this.#upstreamCalls += 1;
      markers.add(marker);
      const known = this.#authorized.get(marker);
      const authorization = known?.calls[known.dispatched];
      if (known !== undefined) known.dispatched += 1;
      if (authorization === undefined) this.violations.add(`the upstream saw ${marker}, which nobody authorized`);
      else if (authorization.authorizedMs > at)
        this.violations.add(`the upstream saw ${marker} before it was authorized`);
    }
    for (const marker of markers) this.#checkCharged(marker);
  }

  #checkCharged(marker: string): void {
    const { calls, dispatched } = this.#authorized.get(marker) ?? { calls: [], dispatched: 0 };
    const charged = calls.filter(({ state }) => state !== 'uncharged');
    if (charged.length < dispatched)
      this.violations.add(`the upstream saw ${marker} ${dispatched} times, and ${charged.length} of them count`);
  }

  /** Every acknowledged answer is settled once, at its exact cost; a keyed call runs once, however often it is sent. */
  checkClients(calls: readonly ClientCall[]): void {
    for (const call of calls) {
      const known = this.#authorized.get(call.marker);
      if (call.idempotencyKey !== undefined && (known?.dispatched ?? 0) > 1)
        this.violations.add(
          `${call.marker} has an Idempotency-Key and reached the upstream ${known?.dispatched} times`,
        );
      if (call.end.kind === 'acknowledged') this.#checkAcknowledged(call, call.end, known?.calls ?? []);
    }
  }

  #checkAcknowledged(
    { marker, outputTokens }: ClientCall,
    { callId, isReplay }: Acknowledged,
    authorized: readonly AuditedCall[],
  ): void {
    // What an operator has resolved before its kept answer was found may be answered from that all the same.
    if (isReplay && authorized.some(({ state }) => state === 'resolved')) return;
    const settled = authorized.filter(({ state }) => state === 'settled');
    const [one] = settled;
    // A replayed answer is settled under the call that it repeats.
    if (one === undefined || settled.length > 1 || (!isReplay && one.callId !== callId)) {
      const ids = settled.map((call) => call.callId).join(', ');
      this.violations.add(`${marker} was acknowledged as ${callId} and is settled ${settled.length} times (${ids})`);
      return;
    }
    const usage = { input: PROMPT_TOKENS, cachedInput: 0, cacheWrite: 0, output: outputTokens };
    const cost = costOfTokens(usage, one.prices);
    if (one.charged !== cost) this.violations.add(`${marker} is charged ${one.charged} and cost ${cost}`);
  }
}
