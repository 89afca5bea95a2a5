import type { OrganizationId } from '#kernel';
import type { ChangeBudget, EndBudget, SetLimits } from '#ledger';
import type { CommandContext } from '../command-context';
import type { LedgerChanged, LedgerCommands } from './ledger-commands';

export type LedgerEdited = LedgerChanged | { readonly kind: 'stale' };

/** Changes of budgets and limits that another editor may be making too; the ledger itself compares their versions. */
export class LedgerEdits {
  constructor(private readonly ledgers: LedgerCommands) {}

  async edit(
    context: CommandContext,
    orgId: OrganizationId,
    command: ChangeBudget | EndBudget | SetLimits,
  ): Promise<LedgerEdited> {
    const { ifMatch, keyed } = context;
    // A repeat may find the version that it made itself.
    const isCompared = ifMatch !== undefined && keyed?.isRepeat !== true;
    const changed = await this.ledgers.change(orgId, isCompared ? { ...command, ifMatch } : command, context);
    return changed.kind === 'refused' && changed.refusal.code === 'definition_stale' ? { kind: 'stale' } : changed;
  }
}
