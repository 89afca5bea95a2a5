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
import { type CommandContext, metadataOf, optionsOf } from '../command-context';
import type { ControlRecords } from '../records';
import type { ControlRefusal } from '../refusals';
import type { Executed } from '../warm-aggregates';
import type { LedgerCommands } from './ledger-commands';
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

  async change(
    context: CommandContext,
    orgId: OrganizationId,
    command: OrganizationChange,
  ): Promise<OrganizationExecuted> {
    switch (command.type) {
      case 'SuspendOrganization':
        return this.barFirst(context, orgId, command, ORGANIZATION, { because: 'suspended', reason: command.reason });
      case 'CloseOrganization':
        return this.barFirst(context, orgId, command, ORGANIZATION, { because: 'closed' });
      case 'ArchiveProject': {
        const subject: BarSubject = { type: 'project', id: command.projectId };
        return this.barFirst(context, orgId, command, subject, { because: 'archived' });
      }
      case 'ResumeOrganization':
        return this.unbarFirst(context, orgId, command);
      case 'AssignProject':
        return this.assignFirst(context, orgId, command, command.projectId, command.teamId ?? undefined);
      case 'CreateProject':
        return command.teamId === undefined
          ? this.execute(context, orgId, command)
          : this.assignFirst(context, orgId, command, command.projectId, command.teamId);
      default:
        return this.execute(context, orgId, command);
    }
  }

  private execute(
    context: CommandContext,
    orgId: OrganizationId,
    command: OrganizationChange,
  ): Promise<OrganizationExecuted> {
    const metadata = metadataOf(context, orgId);
    return this.records.organizations.execute(organizationStream(orgId), command, metadata, optionsOf(context));
  }

  /** The caller's revision was compared before the ledger was told: now there is no way back. */
  private executeSecond(
    { ifMatch: _, ...context }: CommandContext,
    orgId: OrganizationId,
    command: OrganizationChange,
  ) {
    return this.execute(context, orgId, command);
  }

  private preview(context: CommandContext, orgId: OrganizationId, command: OrganizationChange): OrganizationExecuted {
    // A repeat may find the revision that it made itself: whether it did is for the record to say.
    const ifMatch = context.keyed?.isRepeat === true ? undefined : context.ifMatch;
    return this.records.organizations.preview(organizationStream(orgId), command, ifMatch);
  }

  /** From the bar on no call is authorized, whatever becomes of the second step. */
  private barFirst(
    context: CommandContext,
    orgId: OrganizationId,
    command: OrganizationChange,
    subject: BarSubject,
    barred: Barred,
  ): Promise<OrganizationExecuted> {
    return this.twoStep.run(orgId, async () => {
      const preview = this.preview(context, orgId, command);
      if (preview.kind !== 'accepted') return preview;
      const bar = { type: 'BarSubject' as const, subject, reason: barReason(barred) };
      const done = await this.ledgers.change(orgId, bar, context);
      return done.kind === 'refused' ? done : this.executeSecond(context, orgId, command);
    });
  }

  private unbarFirst(
    context: CommandContext,
    orgId: OrganizationId,
    command: OrganizationChange,
  ): Promise<OrganizationExecuted> {
    return this.twoStep.run(orgId, async () => {
      const preview = this.preview(context, orgId, command);
      if (preview.kind !== 'accepted') return preview;
      const bar = barOf(await this.ledgers.ledger.read(orgId), ORGANIZATION);
      // Only a suspension's bar: one that was put up for something else outlives it.
      if (bar?.because === 'suspended') {
        const done = await this.ledgers.change(orgId, { type: 'UnbarSubject', subject: ORGANIZATION }, context);
        if (done.kind === 'refused') return done;
      }
      return this.executeSecond(context, orgId, command);
    });
  }

  private assignFirst(
    context: CommandContext,
    orgId: OrganizationId,
    command: OrganizationChange,
    projectId: ProjectId,
    teamId: TeamId | undefined,
  ): Promise<OrganizationExecuted> {
    return this.twoStep.run(orgId, async () => {
      const preview = this.preview(context, orgId, command);
      if (preview.kind !== 'accepted') return preview;
      const assign = { type: 'AssignProject' as const, projectId, ...(teamId === undefined ? {} : { teamId }) };
      const done = await this.ledgers.change(orgId, assign, context);
      return done.kind === 'refused' ? done : this.executeSecond(context, orgId, command);
    });
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
