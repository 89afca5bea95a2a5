import {
  type OrganizationCommand,
  type OrganizationSlug,
  type OrganizationState,
  organizationStream,
  parseSlug,
  type RegisterOrganization,
  type ReserveSlug,
  slugStream,
} from '#identity';
import type { OrganizationId, ProjectId, TeamId } from '#kernel';
import type { BarSubject } from '#ledger';
import { type Barred, barOf, barReason } from '../bars';
import { type CommandContext, metadataOf, optionsOf, under } from '../command-context';
import type { ControlRecords } from '../records';
import type { ControlRefusal } from '../refusals';
import type { Executed } from '../warm-aggregates';
import type { LedgerChange, LedgerCommands } from './ledger-commands';
import type { TwoStepCommands } from './two-step-commands';

export type OrganizationExecuted = Executed<OrganizationState, ControlRefusal>;
export type OrganizationChange = Exclude<OrganizationCommand, RegisterOrganization>;

const ORGANIZATION: BarSubject = { type: 'organization' };
/** A reservation may lapse once between its two steps; twice means that this process hardly runs. */
const RESERVATIONS_MAX = 3;

export interface OrganizationWanted {
  readonly name: string;
  readonly slug: string;
  /** Default: a new one. */
  readonly orgId?: OrganizationId;
}

/** What the ledger is told before a command is recorded: from a bar on no call is authorized, whatever follows. */
type LedgerStep =
  | { readonly type: 'bar'; readonly subject: BarSubject; readonly barred: Barred }
  | { readonly type: 'lift-suspension' }
  | { readonly type: 'assign'; readonly projectId: ProjectId; readonly teamId: TeamId | undefined };

function ledgerStepOf(command: OrganizationChange): LedgerStep | undefined {
  switch (command.type) {
    case 'SuspendOrganization':
      return { type: 'bar', subject: ORGANIZATION, barred: { because: 'suspended', reason: command.reason } };
    case 'CloseOrganization':
      return { type: 'bar', subject: ORGANIZATION, barred: { because: 'closed' } };
    case 'ArchiveProject':
      return { type: 'bar', subject: { type: 'project', id: command.projectId }, barred: { because: 'archived' } };
    case 'DisableServiceAccount':
      return {
        type: 'bar',
        subject: { type: 'service-account', id: command.serviceAccountId },
        barred: { because: 'disabled' },
      };
    case 'ResumeOrganization':
      return { type: 'lift-suspension' };
    case 'AssignProject':
      return { type: 'assign', projectId: command.projectId, teamId: command.teamId ?? undefined };
    case 'CreateProject':
      return command.teamId && { type: 'assign', projectId: command.projectId, teamId: command.teamId };
    default:
      return undefined;
  }
}

/** Commands of organizations; what takes something away, or moves it, reaches the ledger first. */
export class OrganizationCommands {
  constructor(
    private readonly records: ControlRecords,
    private readonly ledgers: LedgerCommands,
    private readonly twoStep: TwoStepCommands,
  ) {}

  /** Reserves the slug, then registers. A crash in between leaves a reservation that lapses by itself. */
  async register(context: CommandContext, wanted: OrganizationWanted): Promise<OrganizationExecuted> {
    const { orgId = context.identifiers.id('org'), name } = wanted;
    const stream = organizationStream(orgId);
    const register = (slugReservedAt = context.at): RegisterOrganization => ({
      type: 'RegisterOrganization',
      at: context.at,
      orgId,
      name,
      slug: wanted.slug,
      slugReservedAt,
    });
    const slug = parseSlug(wanted.slug);
    const preview = this.records.organizations.preview(stream, register());
    // What is refused at once leaves no reservation behind; a malformed slug is.
    if (preview.kind !== 'accepted' || slug === undefined) return preview;
    for (let tries = 0; ; tries += 1) {
      const reserved = await this.reserveSlug(context, orgId, slug);
      if (reserved.kind === 'refused') return reserved;
      const command = register(reserved.reservedAt);
      const metadata = metadataOf(context, orgId);
      const executed = await this.records.organizations.execute(stream, command, metadata, optionsOf(context));
      const hasLapsed = executed.kind === 'refused' && executed.refusal.code === 'slug_reservation_lapsed';
      if (!hasLapsed || tries >= RESERVATIONS_MAX) return executed;
    }
  }

  /** Several commands are one: all are recorded or none. At most one of them may concern the ledger. */
  async change(
    context: CommandContext,
    orgId: OrganizationId,
    ...commands: readonly OrganizationChange[]
  ): Promise<OrganizationExecuted> {
    const step = commands.map(ledgerStepOf).find((one) => one !== undefined);
    if (step === undefined) return this.execute(context, orgId, commands);
    return this.twoStep.run(orgId, async (claim) => {
      const first = under(claim, context);
      // A repeat may find the revision that it made itself: whether it did is for the record to say.
      const { ifMatch, ...second } = first;
      const seen = context.keyed?.isRepeat === true ? undefined : ifMatch;
      const preview = this.records.organizations.preview(organizationStream(orgId), commands, seen);
      if (preview.kind !== 'accepted') return preview;
      const change = await this.ledgerChangeOf(orgId, step);
      const done = change && (await this.ledgers.change(orgId, change, first));
      // The caller's revision was compared before the ledger was told: now there is no way back.
      return done?.kind === 'refused' ? done : this.execute(second, orgId, commands);
    });
  }

  private execute(
    context: CommandContext,
    orgId: OrganizationId,
    commands: readonly OrganizationChange[],
  ): Promise<OrganizationExecuted> {
    const metadata = metadataOf(context, orgId);
    return this.records.organizations.execute(organizationStream(orgId), commands, metadata, optionsOf(context));
  }

  private async ledgerChangeOf(orgId: OrganizationId, step: LedgerStep): Promise<LedgerChange | undefined> {
    switch (step.type) {
      case 'bar':
        return { type: 'BarSubject', subject: step.subject, reason: barReason(step.barred) };
      case 'lift-suspension': {
        // Only a suspension's bar: one that was put up for something else outlives it.
        const bar = barOf(await this.ledgers.ledger.read(orgId), ORGANIZATION);
        return bar?.because === 'suspended' ? { type: 'UnbarSubject', subject: ORGANIZATION } : undefined;
      }
      case 'assign': {
        const { projectId, teamId } = step;
        return { type: 'AssignProject', projectId, ...(teamId === undefined ? {} : { teamId }) };
      }
    }
  }

  private async reserveSlug(context: CommandContext, orgId: OrganizationId, slug: OrganizationSlug) {
    const { slugs } = this.records;
    const stream = slugStream(slug);
    const { state } = await slugs.refresh(stream);
    const holderRegistered = state.status === 'reserved' && (await this.isRegistered(state.orgId));
    const command: ReserveSlug = { type: 'ReserveSlug', slug, orgId, at: context.at, holderRegistered };
    const { ifMatch: _, ...options } = optionsOf(context);
    const executed = await slugs.execute(stream, command, metadataOf(context, orgId), options);
    if (executed.kind === 'refused') return executed;
    const reserved = executed.aggregate.state;
    return { kind: 'accepted' as const, reservedAt: reserved.status === 'reserved' ? reserved.reservedAt : context.at };
  }

  private async isRegistered(orgId: OrganizationId): Promise<boolean> {
    return (await this.records.organizations.refresh(organizationStream(orgId))).state.status !== 'none';
  }
}
