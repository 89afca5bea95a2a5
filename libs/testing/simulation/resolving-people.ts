import { nanoUsd } from '#kernel';
import type { LedgerCommand, ResolveAt } from '#ledger';
import type { LedgerOracle } from './ledger-oracle';
import type { Random } from './random';
import type { Upstream } from './upstream';

/** Those who say what calls have cost, sooner or later, and sometimes think better of it. */
export class ResolvingPeople {
  constructor(
    private readonly random: Random,
    private readonly oracle: LedgerOracle,
    private readonly upstream: Upstream,
    private readonly submit: (command: LedgerCommand) => void,
  ) {}

  unresolvedCalls() {
    return [...this.oracle.calls.values()].filter(({ phase }) => phase === 'unresolved');
  }

  resolveSome(): void {
    for (const { call } of this.unresolvedCalls()) {
      if (this.random.chance(60)) continue;
      const cost = (call.holdCost * BigInt(this.random.between(0, 150))) / 100n;
      const { callId } = call;
      this.submit({
        type: 'ResolveCall',
        callId,
        source: 'operator',
        cost: nanoUsd(cost),
        reason: 'asked',
      });
    }
  }

  /** An invoice says something else than what a call was taken for. */
  correctSome(): void {
    for (const { call, phase } of this.oracle.calls.values()) {
      if ((phase !== 'resolved' && phase !== 'resolved-and-settled') || this.random.chance(60)) continue;
      const cost = nanoUsd((call.holdCost * BigInt(this.random.between(0, 150))) / 100n);
      this.submit({ type: 'ResolveCall', callId: call.callId, source: 'reconciliation', cost, reason: 'invoice' });
    }
  }

  resolvePage(): void {
    const { random } = this;
    const command: LedgerCommand = {
      type: 'ResolveCalls',
      filter: random.chance(50) ? {} : { reason: random.pick(['deadline', 'owner-dead', 'cut']) },
      at: random.pick<ResolveAt>([{ kind: 'counted' }, { kind: 'ceiling' }, { kind: 'cost', cost: nanoUsd(0n) }]),
      source: 'operator',
      reason: 'asked',
      callsMax: random.between(1, 3),
      commandId: `command-${random.between(1, 1_000_000)}`,
    };
    this.submit(command);
    // Its repeat must resolve no others.
    if (random.chance(50)) this.submit(command);
  }

  /** Recovery or reconciliation finds out what a lost call really used. */
  settleLate(): void {
    for (const [callId, usage] of this.upstream.billed) {
      const phase = this.oracle.calls.get(callId)?.phase;
      if ((phase !== 'unresolved' && phase !== 'resolved') || this.random.chance(50)) continue;
      const trace = { attempts: [], latencyMs: 7 };
      this.submit({ type: 'CompleteCall', callId, usage, certainty: 'reported', outcome: 'complete', trace });
    }
  }
}
