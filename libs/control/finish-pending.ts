import { apiKeyStream, type OrganizationState, organizationStream, type Project } from '#identity';
import type { OrganizationId } from '#kernel';
import type { BarSubject, LedgerState } from '#ledger';
import type { Authentication } from './authentication';
import { type Barred, barOf, barReason, isBarred } from './bars';
import { type CommandContext, metadataOf } from './command-context';
import type { LedgerCommands } from './commands/ledger-commands';
import type { OrganizationChange } from './commands/organization-commands';
import type { TwoStepCommands } from './commands/two-step-commands';
import type { ControlRecords } from './records';

type Registered = Exclude<OrganizationState, { status: 'none' }>;

/**
 * Finishes what a crash left between two appends. Revocations, suspensions and archivings reach the ledger first; the
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
  private finished = 0;

  constructor(
    private readonly records: ControlRecords,
    private readonly authentication: Authentication,
    private readonly ledgers: LedgerCommands,
    private readonly twoStep: TwoStepCommands,
    private readonly context: () => CommandContext,
  ) {}

  /** @returns how many facts or bars had been missing. */
  async run(orgIds: Iterable<OrganizationId>): Promise<number> {
    this.finished = 0;
    for (const orgId of orgIds) await this.twoStep.run(orgId, () => this.settle(orgId));
    return this.finished;
  }

  private async settle(orgId: OrganizationId): Promise<void> {
    const ledger = await this.ledgers.ledger.read(orgId);
    const { state } = await this.records.organizations.refresh(organizationStream(orgId));
    if (state.status === 'none') return;
    await this.settleLife(orgId, state, ledger);
    for (const project of state.organization.projects.values()) await this.settleProject(orgId, state, project, ledger);
    for (const keyId of this.authentication.keysOf(orgId)) await this.settleKey(orgId, keyId, ledger);
  }

  private async settleLife(orgId: OrganizationId, state: Registered, ledger: LedgerState): Promise<void> {
    const subject: BarSubject = { type: 'organization' };
    const barred = barOf(ledger, subject);
    if (barred?.because === 'closed' && state.status !== 'closed')
      await this.record(orgId, { type: 'CloseOrganization' });
    else if (barred?.because === 'suspended' && state.status === 'active')
      await this.record(orgId, { type: 'SuspendOrganization', reason: barred.reason });
    else if (state.status === 'suspended')
      await this.barIfMissing(orgId, ledger, subject, { because: 'suspended', reason: state.reason });
    else if (state.status === 'closed') await this.barIfMissing(orgId, ledger, subject, { because: 'closed' });
  }

  private async settleProject(
    orgId: OrganizationId,
    state: Registered,
    { id, archived, teamId }: Project,
    ledger: LedgerState,
  ): Promise<void> {
    // Of a closed organization nothing moves any more, and its own bar covers everything.
    if (state.status === 'closed') return;
    const subject: BarSubject = { type: 'project', id };
    if (archived) await this.barIfMissing(orgId, ledger, subject, { because: 'archived' });
    else if (barOf(ledger, subject)?.because === 'archived')
      await this.record(orgId, { type: 'ArchiveProject', projectId: id });
    const counted = ledger.projectTeams.get(id);
    if (counted === teamId) return;
    if (await this.record(orgId, { type: 'AssignProject', projectId: id, teamId: counted ?? null })) return;
    const back = { type: 'AssignProject' as const, projectId: id, ...(teamId === undefined ? {} : { teamId }) };
    await this.ledgers.change(orgId, back, this.context());
    this.finished += 1;
  }

  private async settleKey(
    orgId: OrganizationId,
    keyId: Extract<BarSubject, { type: 'api-key' }>['id'],
    ledger: LedgerState,
  ): Promise<void> {
    const subject: BarSubject = { type: 'api-key', id: keyId };
    const { state } = this.records.apiKeys.find(apiKeyStream(keyId));
    const barred = barOf(ledger, subject);
    if (state.status === 'revoked')
      await this.barIfMissing(orgId, ledger, subject, { because: 'revoked', reason: state.reason });
    else if (barred?.because === 'revoked') {
      const command = { type: 'RevokeApiKey' as const, reason: barred.reason };
      await this.records.apiKeys.execute(apiKeyStream(keyId), command, metadataOf(this.context(), orgId));
      this.finished += 1;
    }
  }

  private async barIfMissing(orgId: OrganizationId, ledger: LedgerState, subject: BarSubject, barred: Barred) {
    if (isBarred(ledger, subject)) return;
    await this.ledgers.change(orgId, { type: 'BarSubject', subject, reason: barReason(barred) }, this.context());
    this.finished += 1;
  }

  /** Whether the organization took the fact. */
  private async record(orgId: OrganizationId, command: OrganizationChange): Promise<boolean> {
    const { organizations } = this.records;
    const metadata = metadataOf(this.context(), orgId);
    const { kind } = await organizations.execute(organizationStream(orgId), command, metadata);
    if (kind === 'accepted') this.finished += 1;
    return kind === 'accepted';
  }
}
