import type { CallId, OrganizationId } from '#kernel';
import {
  type AuthorizeCall,
  type InferenceAuthorized,
  type LedgerCommand,
  type LedgerOutcome,
  LedgerUnavailableError,
  type SubmitOptions,
} from '#ledger';
import type { LedgerOracle } from './ledger-oracle';
import type { Random } from './random';
import type { SimulatedProcess } from './simulated-process';
import type { Fate, Upstream } from './upstream';

const ACTOR = { actor: { type: 'system', id: 'simulation' } } as const;

export interface Surroundings {
  readonly org: OrganizationId;
  readonly random: Random;
  readonly oracle: LedgerOracle;
  readonly upstream: Upstream;
  /** Commands that ended calls, to be repeated at any time. */
  readonly endings: LedgerCommand[];
}

/** What a gateway does with one call: authorize, dispatch, settle; impatient, forgetful and repeating itself. */
export class SimulatedCall {
  constructor(
    private readonly process: SimulatedProcess,
    private readonly around: Surroundings,
    private readonly command: AuthorizeCall,
  ) {}

  async run(): Promise<void> {
    const { random } = this.around;
    const askedMs = this.process.clock.monotonicMs();
    let outcome = await this.authorize();
    if (outcome === undefined && random.chance(30)) outcome = await this.authorize();
    if (outcome === undefined || !outcome.ok) return;
    const authorized = outcome.events
      .map(({ event }) => event)
      .find((event): event is InferenceAuthorized => event.type === 'InferenceAuthorized');
    if (authorized === undefined) return;
    if (random.chance(10)) await this.process.sleep(random.between(0, 2 * this.command.dispatchWindowMs));
    const elapsedMs = this.process.clock.monotonicMs() - askedMs;
    if (elapsedMs >= this.command.dispatchWindowMs || this.process.now() >= authorized.data.dispatchBy) {
      await this.end({ ...this.release(false), reason: 'too late' });
      return;
    }
    await this.dispatch(this.around.upstream.fateOf(authorized.data.bounds));
  }

  private async authorize(): Promise<LedgerOutcome | undefined> {
    const { random } = this.around;
    const options: SubmitOptions = {
      ...(random.chance(30)
        ? { waitMs: { budget_contended: 1_000, concurrency_limit_exceeded: 2_000, idempotency_in_progress: 20_000 } }
        : {}),
      ...(random.chance(20) ? { timeoutMs: random.between(1, 400) } : {}),
    };
    return this.submit(this.command, options);
  }

  /** `undefined` when the record cannot be written now. */
  private async submit(command: LedgerCommand, options?: SubmitOptions): Promise<LedgerOutcome | undefined> {
    try {
      const outcome = await this.process.ledger.submit(this.around.org, command, ACTOR, options);
      await this.process.whileAlive();
      return outcome;
    } catch (error) {
      if (error instanceof LedgerUnavailableError) return undefined;
      throw error;
    }
  }

  private async dispatch(fate: Fate): Promise<void> {
    const { random, oracle, upstream } = this.around;
    const { callId } = this.command;
    if (fate.kind !== 'unreached') {
      const phase = oracle.calls.get(callId)?.phase;
      // It may have been expired by somebody whose clock runs ahead: then it counts at its ceiling.
      oracle.expect(
        phase === 'open' || phase === 'unresolved' || phase === 'resolved',
        `${callId} was dispatched while its authorization was ${phase ?? 'not on record'}`,
      );
      upstream.dispatch(callId, fate);
      await this.process.sleep(random.between(1, 5_000));
    }
    const ending = this.endingOf(fate);
    if (ending !== undefined) await this.end(ending);
  }

  private endingOf(fate: Fate): LedgerCommand | undefined {
    const { callId } = this.command;
    const trace = { attempts: [], latencyMs: 7 };
    switch (fate.kind) {
      case 'answered':
        return { type: 'CompleteCall', callId, usage: fate.usage, certainty: 'reported', outcome: 'complete', trace };
      case 'cut': {
        if (this.around.random.chance(50))
          return { type: 'AbandonCall', callId, reason: 'cut', counted: fate.counted, trace };
        return {
          type: 'CompleteCall',
          callId,
          usage: fate.counted,
          certainty: 'counted',
          outcome: 'interrupted',
          trace,
        };
      }
      case 'unreached':
        return this.release(false);
      case 'rejected':
        return this.release(true);
      case 'failed-unbilled':
        return { type: 'FailCall', callId, error: '429', billed: 'never', trace };
      case 'failed':
        return { type: 'FailCall', callId, error: '500', billed: 'unknown', trace };
      case 'silent':
        return undefined;
    }
  }

  private release(dispatched: boolean): Extract<LedgerCommand, { type: 'ReleaseCall' }> {
    const { callId, owner } = this.command;
    return { type: 'ReleaseCall', callId, owner, reason: 'no', dispatched, trace: { attempts: [], latencyMs: 7 } };
  }

  private async end(command: LedgerCommand): Promise<void> {
    const { random, endings } = this.around;
    endings.push(command);
    const outcome = await this.submit(command, random.chance(20) ? { timeoutMs: random.between(1, 400) } : {});
    if (outcome?.ok === true) this.checkDurable(this.command.callId);
    if (random.chance(15)) await this.submit(command);
  }

  /** Nobody is told that a call has ended before that is on record. */
  private checkDurable(callId: CallId): void {
    const row = this.around.oracle.calls.get(callId);
    const hasEnded = row !== undefined && row.phase !== 'open';
    this.around.oracle.expect(hasEnded, `${callId} was answered before it was recorded`);
  }
}
