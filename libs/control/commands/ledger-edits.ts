import { createHash } from 'node:crypto';
import { type Clock, canonicalJson, type OrganizationId } from '#kernel';
import {
  type BudgetView,
  budgetView,
  type ChangeBudget,
  type EndBudget,
  keyLimits,
  type LedgerState,
  type Limits,
  type LimitsTarget,
  ledgerTime,
  type SetLimits,
} from '#ledger';
import type { CommandContext } from '../command-context';
import { KeyedMutex } from '../keyed-mutex';
import type { LedgerChanged, LedgerCommands } from './ledger-commands';

const TAG_CHARACTERS = 16;

function tagOf(value: object): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex').slice(0, TAG_CHARACTERS);
}

/**
 * What tells one version of a budget's definition from another. A ledger's revision grows with every call, so it would
 * tell an editor nothing; what is counted is no part of the tag.
 */
export function budgetTag(view: BudgetView): string {
  const { name, scope, unit, period, limit, mode, thresholds, timeZone, ended } = view;
  return tagOf({ name, scope, unit, period, limit, mode, thresholds, timeZone, ended });
}

export function limitsTag(limits: Limits): string {
  return tagOf(limits);
}

export function limitsOf(state: LedgerState, target: LimitsTarget): Limits {
  return target.type === 'organization' ? state.organizationLimits : keyLimits(state, target.id);
}

export type LedgerEdited = LedgerChanged | { readonly kind: 'stale' };

/**
 * Changes of budgets and limits that another editor may be making too. In this process edits of one ledger follow one
 * another, so nobody slips in between the comparison and the record.
 */
export class LedgerEdits {
  private readonly mutex = new KeyedMutex();

  constructor(
    private readonly ledgers: LedgerCommands,
    private readonly clock: Pick<Clock, 'now'>,
  ) {}

  changeBudget(
    context: CommandContext,
    orgId: OrganizationId,
    command: ChangeBudget | EndBudget,
  ): Promise<LedgerEdited> {
    return this.edit(context, orgId, command, (state) => {
      const view = budgetView(state, command.budgetId, ledgerTime(state, this.clock.now()));
      return view && budgetTag(view);
    });
  }

  setLimits(context: CommandContext, orgId: OrganizationId, command: SetLimits): Promise<LedgerEdited> {
    return this.edit(context, orgId, command, (state) => limitsTag(limitsOf(state, command.target)));
  }

  private edit(
    context: CommandContext,
    orgId: OrganizationId,
    command: ChangeBudget | EndBudget | SetLimits,
    tagIn: (state: LedgerState) => string | undefined,
  ): Promise<LedgerEdited> {
    return this.mutex.run(orgId, async () => {
      const { ifMatch, keyed } = context;
      // A repeat may find the version that it made itself.
      if (ifMatch !== undefined && keyed?.isRepeat !== true) {
        const tag = tagIn(await this.ledgers.ledger.read(orgId));
        if (tag !== undefined && !ifMatch.includes(tag)) return { kind: 'stale' };
      }
      return this.ledgers.change(orgId, command, context);
    });
  }
}
