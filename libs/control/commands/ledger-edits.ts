import { apiKeyStream } from '#identity';
import type { OrganizationId } from '#kernel';
import type { ChangeBudget, EndBudget, SetLimits, SetUnresolvedPolicy } from '#ledger';
import type { CommandContext } from '../command-context';
import type { ControlRecords } from '../records';
import { standingRefusal } from '../standing-refusal';
import type { LedgerChanged, LedgerCommands } from './ledger-commands';

export type LedgerEdit = ChangeBudget | EndBudget | SetLimits | SetUnresolvedPolicy;
export type LedgerEdited = LedgerChanged | { readonly kind: 'stale' };

/** Changes of budgets and limits that another editor may be making too; the ledger itself compares their versions. */
export class LedgerEdits {
  constructor(
    private readonly records: Pick<ControlRecords, 'apiKeys' | 'organizations'>,
    private readonly ledgers: LedgerCommands,
  ) {}

  async edit(context: CommandContext, orgId: OrganizationId, command: LedgerEdit): Promise<LedgerEdited> {
    const fallen = this.fallenKey(context, orgId, command);
    if (fallen !== undefined) return fallen;
    const { ifMatch, keyed } = context;
    // A repeat may find the version that it made itself.
    const isCompared = ifMatch !== undefined && keyed?.isRepeat !== true;
    const changed = await this.ledgers.change(orgId, isCompared ? { ...command, ifMatch } : command, context);
    return changed.kind === 'refused' && changed.refusal.code === 'definition_stale' ? { kind: 'stale' } : changed;
  }

  /** The limits of a key are a change of it. */
  private fallenKey(context: CommandContext, orgId: OrganizationId, command: LedgerEdit) {
    if (command.type !== 'SetLimits' || command.target.type !== 'api-key') return undefined;
    const { state } = this.records.apiKeys.find(apiKeyStream(command.target.id));
    return state.status === 'active' ? standingRefusal(this.records, orgId, state.key, context) : undefined;
  }
}
