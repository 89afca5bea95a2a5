import type { Clock, OrganizationId } from '#kernel';
import {
  type AssignProject,
  type BarSubjectCommand,
  type ChangeBudget,
  type DefineBudget,
  decide,
  type EndBudget,
  type LedgerEvent,
  type LedgerService,
  type LedgerState,
  type ResolveCall,
  type SetLimits,
  type UnbarSubject,
} from '#ledger';
import { beforeAppendOf, type CommandContext, metadataOf } from '../command-context';
import type { ControlRefusal, ControlRefusalCode } from '../refusals';

/** What people and automation change in a ledger; calls are the inference plane's. */
export type LedgerChange =
  | DefineBudget
  | ChangeBudget
  | EndBudget
  | SetLimits
  | BarSubjectCommand
  | UnbarSubject
  | AssignProject
  | ResolveCall;

export type LedgerChanged =
  | {
      readonly kind: 'accepted';
      readonly state: LedgerState;
      readonly events: readonly LedgerEvent[];
      readonly position: bigint;
      readonly changed: boolean;
    }
  | { readonly kind: 'refused'; readonly refusal: ControlRefusal };

/** Commands to ledgers, with the claim of an Idempotency-Key before whatever they record. */
export class LedgerCommands {
  constructor(
    readonly ledger: LedgerService,
    private readonly clock: Pick<Clock, 'now'>,
  ) {}

  /** @throws LedgerUnavailableError */
  async change(orgId: OrganizationId, command: LedgerChange, context: CommandContext): Promise<LedgerChanged> {
    const state = await this.ledger.read(orgId);
    const preview = decide(command, state, { now: this.clock.now() });
    if (!preview.ok) return refused(preview.refusal);
    const isRepeat = context.keyed?.isRepeat === true;
    if (preview.events.length === 0)
      return {
        kind: 'accepted',
        state,
        events: [],
        position: await this.ledger.position(orgId),
        changed: isRepeat,
      };
    await beforeAppendOf(context)?.();
    const outcome = await this.ledger.submit(orgId, command, metadataOf(context));
    if (!outcome.ok) return refused(outcome.refusal);
    const events = outcome.events.map(({ event }) => event);
    return {
      kind: 'accepted',
      state: outcome.state,
      events,
      position: outcome.position,
      changed: isRepeat || events.length > 0,
    };
  }
}

function refused({ code, message }: { code: string; message: string }): LedgerChanged {
  // None of these commands admits a call, so no refusal of a call can come back.
  return { kind: 'refused', refusal: { code: code as ControlRefusalCode, message } };
}
