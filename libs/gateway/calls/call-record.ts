import type { BootId, Clock, NanoUsd, TokenUsage } from '#kernel';
import type {
  AbandonCall,
  Attempt,
  AuthorizeCall,
  CallTrace,
  FailCall,
  LedgerCommand,
  LedgerOutcome,
  LedgerService,
  LedgerState,
  SubmitOptions,
} from '#ledger';
import { LedgerUnavailableError } from '#ledger';
import type { Caller } from './caller';
import type { CallObserver } from './ports';

/** What became of the record of a call's end. */
export type Recorded =
  | { readonly kind: 'recorded'; readonly state: LedgerState; readonly charged: NanoUsd; readonly excess: NanoUsd }
  /** Not durable in time: the hold stays, and nothing may be said to be charged. */
  | { readonly kind: 'unavailable' };

const NOTHING = 0n as NanoUsd;

function chargeOf(outcome: LedgerOutcome & { ok: true }): { charged: NanoUsd; excess: NanoUsd } {
  for (const { event } of outcome.events)
    if (event.type === 'InferenceCompleted') return { charged: event.data.charged, excess: event.data.excess };
  return { charged: NOTHING, excess: NOTHING };
}

/** The ledger's side of one call: its authorization, and the one event that ends it. */
export class CallRecord {
  private readonly attempts: Attempt[] = [];
  private upstreamRequestId: string | undefined;
  private firstByteAtMs: number | undefined;

  constructor(
    private readonly ledger: LedgerService,
    private readonly clock: Clock,
    private readonly owner: BootId,
    private readonly caller: Caller,
    private readonly observer: Pick<CallObserver, 'failed'>,
  ) {}

  /** @throws LedgerUnavailableError when it is not known to be recorded: nothing may be dispatched then. */
  authorize(command: AuthorizeCall, options: SubmitOptions): Promise<LedgerOutcome> {
    return this.submit(command, options);
  }

  attempted(attempt: Attempt, upstreamRequestId?: string): void {
    this.attempts.push(attempt);
    if (upstreamRequestId !== undefined) this.upstreamRequestId = upstreamRequestId;
  }

  /** The last attempt was answered, with an error. */
  attemptFailed(error: string): void {
    const last = this.attempts.pop();
    if (last !== undefined) this.attempts.push({ ...last, error });
  }

  /** The first byte for the client; only the first counts. */
  sawFirstByte(): void {
    this.firstByteAtMs ??= this.elapsedMs();
  }

  get firstByteMs(): number | undefined {
    return this.firstByteAtMs;
  }

  get attemptCount(): number {
    return this.attempts.length;
  }

  elapsedMs(): number {
    return Math.max(0, Math.round(this.clock.monotonicMs() - this.caller.arrivedMs));
  }

  complete(ending: {
    readonly usage: TokenUsage;
    readonly certainty: 'reported' | 'counted';
    readonly outcome: 'complete' | 'interrupted';
    readonly finishReason?: string;
    /** Why it was interrupted, where its client did not leave. */
    readonly reason?: string;
    readonly servedFrom?: 'cache';
  }): Promise<Recorded> {
    return this.end({ type: 'CompleteCall', callId: this.caller.requestId, ...ending, trace: this.trace() });
  }

  fail(error: string, billed: 'never' | 'unknown', counted?: FailCall['counted']): Promise<Recorded> {
    const callId = this.caller.requestId;
    const known = counted === undefined ? {} : { counted };
    return this.end({ type: 'FailCall', callId, error, billed, ...known, trace: this.trace() });
  }

  release(reason: string, dispatched: boolean): Promise<Recorded> {
    const { owner } = this;
    const callId = this.caller.requestId;
    return this.end({ type: 'ReleaseCall', callId, owner, reason, dispatched, trace: this.trace() });
  }

  /** Nobody knows what the call cost: its whole hold counts until somebody resolves it. */
  abandon(reason: string, counted?: AbandonCall['counted']): Promise<Recorded> {
    return this.end({
      type: 'AbandonCall',
      callId: this.caller.requestId,
      reason,
      ...(counted === undefined ? {} : { counted }),
      trace: this.trace(),
    });
  }

  private trace(): CallTrace {
    return {
      attempts: this.attempts,
      ...(this.upstreamRequestId === undefined ? {} : { upstreamRequestId: this.upstreamRequestId }),
      latencyMs: this.elapsedMs(),
      ...(this.firstByteAtMs === undefined ? {} : { firstByteMs: this.firstByteAtMs }),
    };
  }

  private async end(command: LedgerCommand): Promise<Recorded> {
    try {
      const outcome = await this.submit(command);
      if (outcome.ok) return { kind: 'recorded', state: outcome.state, ...chargeOf(outcome) };
      // The hold has ended otherwise, which is on record too; but what this ending says is not, so somebody must hear.
      const { code, message } = outcome.refusal;
      this.observer.failed(new Error(`${command.type} was refused: ${code}: ${message}`), this.caller);
      return { kind: 'recorded', state: outcome.state, charged: NOTHING, excess: NOTHING };
    } catch (error) {
      if (error instanceof LedgerUnavailableError) return { kind: 'unavailable' };
      throw error;
    }
  }

  private submit(command: LedgerCommand, options?: SubmitOptions): Promise<LedgerOutcome> {
    const { orgId, keyId, requestId } = this.caller;
    return this.ledger.submit(orgId, command, { actor: { type: 'api-key', id: keyId }, requestId }, options);
  }
}
