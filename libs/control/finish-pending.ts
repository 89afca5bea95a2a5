import { apiKeyStream, type OrganizationState, organizationStream, type Project, type ServiceAccount } from '#identity';
import type { ApiKeyId, OrganizationId } from '#kernel';
import type { BarSubject, LedgerState } from '#ledger';
import type { Authentication } from './authentication';
import { type Barred, barOf, barReason, isBarred } from './bars';
import { type Claim, type ClaimSubject, SYSTEM_TOKENS } from './claims';
import { type CommandContext, metadataOf, optionsOf, under } from './command-context';
import type { LedgerCommands } from './commands/ledger-commands';
import type { OrganizationChange } from './commands/organization-commands';
import type { ControlRecords } from './records';

/** An organization as it was found, and in whose name it is settled. */
interface Settling {
  readonly orgId: OrganizationId;
  readonly state: Exclude<OrganizationState, { status: 'none' }>;
  readonly ledger: LedgerState;
  readonly context: () => CommandContext;
}

/**
 * Finishes what a crash left between two appends. Revocations, suspensions, archivings and disablings reach the ledger first; the
 * ledger's bar says what was to follow. Both directions are compared, and the side that takes away wins:
 *
 * - A bar without the fact in the subject's own stream: the fact is recorded. The command had been accepted, only its
 *   answer is owed.
 * - A fact without its bar: the bar is put up (again). It is what an interrupted resumption leaves, for that lifts the
 *   bar first: nobody has been told that the organization was resumed, so it stays suspended.
 * - A project's team: the ledger wins, since calls may have counted there already; where the organization refuses the
 *   move by now, the ledger is moved back.
 *
 * Rotation needs no bar: the old secret was to live on in any case.
 */
export class FinishPending {
  constructor(
    private readonly records: ControlRecords,
    private readonly authentication: Authentication,
    private readonly ledgers: LedgerCommands,
    private readonly context: () => CommandContext,
  ) {}

  /** @returns how many facts or bars had been missing. */
  async settle(subject: ClaimSubject, claim: Claim | undefined): Promise<number> {
    // A token is revoked by one append: there is nothing that could be half done.
    if (subject === SYSTEM_TOKENS) return 0;
    const ledger = await this.ledgers.ledger.read(subject);
    const { state } = await this.records.organizations.refresh(organizationStream(subject));
    if (state.status === 'none') return 0;
    const settling: Settling = { orgId: subject, state, ledger, context: () => under(claim, this.context()) };
    let missing = await this.settleLife(settling);
    for (const project of state.organization.projects.values()) missing += await this.settleProject(settling, project);
    for (const account of state.organization.serviceAccounts.values())
      missing += await this.settleAccount(settling, account);
    for (const keyId of this.authentication.keysOf(subject)) missing += await this.settleKey(settling, keyId);
    return missing;
  }

  private async settleLife(settling: Settling): Promise<number> {
    const { state, ledger } = settling;
    const subject: BarSubject = { type: 'organization' };
    const barred = barOf(ledger, subject);
    if (barred?.because === 'closed' && state.status !== 'closed')
      return this.record(settling, { type: 'CloseOrganization' });
    if (barred?.because === 'suspended' && state.status === 'active')
      return this.record(settling, { type: 'SuspendOrganization', reason: barred.reason });
    if (state.status === 'suspended')
      return this.barIfMissing(settling, subject, { because: 'suspended', reason: state.reason });
    return state.status === 'closed' ? this.barIfMissing(settling, subject, { because: 'closed' }) : 0;
  }

  private async settleProject(settling: Settling, { id, archived, teamId }: Project): Promise<number> {
    const { orgId, state, ledger, context } = settling;
    // Of a closed organization nothing moves any more, and its own bar covers everything.
    if (state.status === 'closed') return 0;
    const subject: BarSubject = { type: 'project', id };
    let missing = 0;
    if (archived) missing += await this.barIfMissing(settling, subject, { because: 'archived' });
    else if (barOf(ledger, subject)?.because === 'archived')
      missing += await this.record(settling, { type: 'ArchiveProject', projectId: id });
    const counted = ledger.projectTeams.get(id);
    if (counted === teamId) return missing;
    const moved = await this.record(settling, { type: 'AssignProject', projectId: id, teamId: counted ?? null });
    if (moved > 0) return missing + moved;
    const back = { type: 'AssignProject' as const, projectId: id, ...(teamId === undefined ? {} : { teamId }) };
    await this.ledgers.change(orgId, back, context());
    return missing + 1;
  }

  private async settleAccount(settling: Settling, { id, disabled }: ServiceAccount): Promise<number> {
    if (settling.state.status === 'closed') return 0;
    const subject: BarSubject = { type: 'service-account', id };
    if (disabled) return this.barIfMissing(settling, subject, { because: 'disabled' });
    if (barOf(settling.ledger, subject)?.because !== 'disabled') return 0;
    return this.record(settling, { type: 'DisableServiceAccount', serviceAccountId: id });
  }

  private async settleKey(settling: Settling, keyId: ApiKeyId): Promise<number> {
    const { orgId, ledger, context } = settling;
    const subject: BarSubject = { type: 'api-key', id: keyId };
    const { state } = this.records.apiKeys.find(apiKeyStream(keyId));
    const barred = barOf(ledger, subject);
    if (state.status === 'revoked')
      return this.barIfMissing(settling, subject, { because: 'revoked', reason: state.reason });
    if (barred?.because !== 'revoked') return 0;
    const command = { type: 'RevokeApiKey' as const, reason: barred.reason };
    const metadata = metadataOf(context(), orgId);
    await this.records.apiKeys.execute(apiKeyStream(keyId), command, metadata, optionsOf(context()));
    return 1;
  }

  private async barIfMissing({ orgId, ledger, context }: Settling, subject: BarSubject, barred: Barred) {
    if (isBarred(ledger, subject)) return 0;
    await this.ledgers.change(orgId, { type: 'BarSubject', subject, reason: barReason(barred) }, context());
    return 1;
  }

  /** 0 when the organization does not take the fact. */
  private async record({ orgId, context }: Settling, command: OrganizationChange): Promise<number> {
    const { organizations } = this.records;
    const metadata = metadataOf(context(), orgId);
    const stream = organizationStream(orgId);
    const { kind } = await organizations.execute(stream, command, metadata, optionsOf(context()));
    return kind === 'accepted' ? 1 : 0;
  }
}
