import { organizationStream } from '#identity';
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
  type ResolveCalls,
  type SetLimits,
  type SetUnresolvedPolicy,
  type UnbarSubject,
} from '#ledger';
import { barOf } from '../bars';
import { beforeAppendOf, type CommandContext, metadataOf } from '../command-context';
import type { ControlRecords } from '../records';
import { type ControlRefusal, type ControlRefusalCode, refuse } from '../refusals';

/** What people and automation change in a ledger; calls are the inference plane's. */
export type LedgerChange =
  | DefineBudget
  | ChangeBudget
  | EndBudget
  | SetLimits
  | BarSubjectCommand
  | UnbarSubject
  | AssignProject
  | SetUnresolvedPolicy
  | ResolveCall
  | ResolveCalls;

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
    private readonly records: Pick<ControlRecords, 'organizations'>,
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
    if (isDefinition(command) && this.isClosed(orgId, state))
      return refuse(
        'organization_closed',
        'The organization is closed for good: its budgets and limits stay as they are.',
      );
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

  /** The bar of a closing comes before it is known here; one that was suspended before has its first bar still. */
  private isClosed(orgId: OrganizationId, ledger: LedgerState): boolean {
    const { state } = this.records.organizations.find(organizationStream(orgId));
    return state.status === 'closed' || barOf(ledger, { type: 'organization' })?.because === 'closed';
  }
}

function refused({ code, message }: { code: string; message: string }): LedgerChanged {
  // None of these commands admits a call, so no refusal of a call can come back.
  return { kind: 'refused', refusal: { code: code as ControlRefusalCode, message } };
}

/** What money is held against, as opposed to what becomes of calls and their subjects. */
function isDefinition({ type }: LedgerChange): boolean {
  switch (type) {
    case 'DefineBudget':
    case 'ChangeBudget':
    case 'EndBudget':
    case 'SetLimits':
      return true;
    case 'BarSubject':
    case 'UnbarSubject':
    case 'AssignProject':
    case 'SetUnresolvedPolicy':
    case 'ResolveCall':
    case 'ResolveCalls':
      return false;
  }
}
