import type { Identifiers } from '#environment';
import type { EventStore } from '#event-store';
import { type Organization, type OrganizationState, organizationStream, parseSlug, slugStream } from '#identity';
import type { Backend, CatalogueState, Model } from '#inference/catalogue';
import { type BackendId, type Clock, type EpochMs, type ModelId, type OrganizationId, parseId } from '#kernel';
import type { KeyStore } from '#key-store';
import type { LedgerService } from '#ledger';
import type { Versioned } from './aggregate';
import { Authentication, type KeyVerdict, type Principal } from './authentication';
import { BackendCredentials } from './backend-credentials';
import { type CallableModel, CallableModels, type ModelCaller } from './callable-models';
import { type CommandContext, systemContext } from './command-context';
import { CommandKeys } from './command-keys';
import { ApiKeyCommands } from './commands/api-key-commands';
import { CatalogueCommands } from './commands/catalogue-commands';
import { LedgerCommands } from './commands/ledger-commands';
import { LedgerEdits } from './commands/ledger-edits';
import { OrganizationCommands } from './commands/organization-commands';
import { SystemTokenCommands } from './commands/system-token-commands';
import { TwoStepCommands } from './commands/two-step-commands';
import { FinishPending } from './finish-pending';
import { type Cluster, Follower } from './follower';
import { type ControlRecords, controlRecords, loadRecords, loadRecordsInOnePass } from './records';
import { AuthenticationFailures } from './security';

export interface ControlPlaneOptions {
  readonly store: EventStore;
  readonly keyStore: KeyStore;
  readonly ledger: LedgerService;
  readonly clock: Clock;
  readonly identifiers: Identifiers;
  /** Told about what failed in the background and is tried again; for the log. */
  readonly onProblem?: (problem: Error) => void;
  /** Present where several gateways share the store. */
  readonly cluster?: Cluster;
  /** Told that the store was restored to an older state: nothing may be admitted any more. */
  readonly onHistoryChanged?: (reason: Error) => void;
}

/** How often a command that failed between its two appends is taken up again. */
const FINISH_RETRY_MS = 5_000;

/** Organizations, keys, tokens and catalogue: everything that people and automation command, warm in this process. */
export class ControlPlane {
  readonly records: ControlRecords;
  readonly authentication: Authentication;
  readonly models: CallableModels;
  readonly organizations: OrganizationCommands;
  readonly apiKeys: ApiKeyCommands;
  readonly systemTokens: SystemTokenCommands;
  readonly catalogueCommands: CatalogueCommands;
  readonly ledgers: LedgerCommands;
  readonly ledgerEdits: LedgerEdits;
  readonly commandKeys: CommandKeys;
  readonly authenticationFailures: AuthenticationFailures;
  private readonly credentials: BackendCredentials;
  private readonly twoStep = new TwoStepCommands();
  private readonly finish: FinishPending;
  private readonly follower: Follower;
  private finishTimer: NodeJS.Timeout | undefined;

  private constructor(private readonly options: ControlPlaneOptions) {
    const { store, keyStore, ledger, clock, identifiers, onProblem = () => undefined } = options;
    this.records = controlRecords({ store, clock, newEventId: () => identifiers.eventId() });
    this.authentication = new Authentication(this.records, clock);
    this.models = new CallableModels(this.records);
    this.credentials = new BackendCredentials(keyStore);
    this.ledgers = new LedgerCommands(ledger, clock);
    this.ledgerEdits = new LedgerEdits(this.ledgers);
    this.organizations = new OrganizationCommands(this.records, this.ledgers, this.twoStep);
    this.apiKeys = new ApiKeyCommands(this.records, this.ledgers, this.twoStep);
    this.systemTokens = new SystemTokenCommands(this.records);
    this.catalogueCommands = new CatalogueCommands(this.records, this.credentials);
    this.commandKeys = new CommandKeys({ store, keyStore, clock, identifiers, onProblem });
    this.authenticationFailures = new AuthenticationFailures({ store, clock, identifiers, onProblem });
    this.finish = new FinishPending(this.records, this.authentication, this.ledgers, this.twoStep, () =>
      this.systemContext('control'),
    );
    const { cluster, onHistoryChanged } = options;
    this.follower = new Follower({
      store,
      records: this.records,
      onProblem,
      ...(cluster === undefined ? {} : { cluster }),
      ...(onHistoryChanged === undefined ? {} : { onHistoryChanged }),
    });
    cluster?.onDeath(() => this.finishForTheDead());
  }

  /**
   * Loads what the record has, finishes what a crash left half done, and follows the record from there on. The ledger
   * service has to be started before, for finishing asks it.
   */
  static async open(options: ControlPlaneOptions): Promise<ControlPlane> {
    const plane = new ControlPlane(options);
    const before = await options.store.lastPosition();
    if (options.cluster === undefined) await loadRecords(plane.records);
    else await loadRecordsInOnePass(plane.records, options.store);
    await plane.finishPending();
    plane.follower.start(before);
    plane.finishTimer = setInterval(() => plane.retryUnsettled(), FINISH_RETRY_MS).unref();
    return plane;
  }

  /** @returns how many facts had been left between two appends; see FinishPending for which side wins. */
  async finishPending(): Promise<number> {
    return this.finish.run(this.organizationIds());
  }

  async close(): Promise<void> {
    clearInterval(this.finishTimer);
    await this.follower.close();
    await this.authenticationFailures.flush();
  }

  // What the inference plane asks, on every call:

  authenticateKey(secret: string, address: string): KeyVerdict {
    return this.authentication.authenticateKey(secret, address);
  }

  catalogue(): CatalogueState {
    return this.models.catalogue();
  }

  findCallableModel(caller: ModelCaller, modelId: ModelId, at: EpochMs): CallableModel {
    return this.models.findCallableModel(caller, modelId, at);
  }

  callableModels(caller: ModelCaller, at: EpochMs): readonly Model[] {
    return this.models.callableModels(caller, at);
  }

  backends(): ReadonlyMap<BackendId, Backend> {
    return this.models.backends();
  }

  backend(id: BackendId): Backend | undefined {
    return this.models.backends().get(id);
  }

  /** Told about the catalogue as it is now and after each change. */
  onCatalogueChange(listener: (catalogue: CatalogueState) => void): void {
    this.records.catalogue.onChange(({ state }) => listener(state));
  }

  /** In the clear. Rejects with ErasedSubjectError when its key is gone. */
  credentialOf(backend: Pick<Backend, 'credential'>): Promise<string | undefined> {
    return this.credentials.credentialOf(backend);
  }

  // What the command plane asks:

  authenticateToken(secret: string): Principal | undefined {
    return this.authentication.authenticateToken(secret);
  }

  /** By id or by slug; `undefined` for what is not registered. */
  findOrganization(idOrSlug: string): OrganizationRecord | undefined {
    const slug = parseSlug(idOrSlug);
    const reservation = slug && this.records.slugs.find(slugStream(slug)).state;
    const orgId = parseId('org', idOrSlug) ?? (reservation?.status === 'reserved' ? reservation.orgId : undefined);
    if (orgId === undefined) return undefined;
    const { state, revision, position } = this.records.organizations.find(organizationStream(orgId));
    if (state.status === 'none' || revision === 'no-stream') return undefined;
    // A reservation that was taken over may name an organization with another slug.
    if (slug !== undefined && state.organization.slug !== slug) return undefined;
    return { id: orgId, state, organization: state.organization, revision, position };
  }

  /** Ascending, so that pages of a list stay where they are while it grows. */
  organizationIds(): readonly OrganizationId[] {
    const ids: OrganizationId[] = [];
    for (const { state } of this.records.organizations.all())
      if (state.status !== 'none') ids.push(state.organization.id);
    return ids.sort();
  }

  /** Whether the warm records know everything up to a position, waiting at most so long. */
  waitFor(position: bigint, timeoutMs: number): Promise<boolean> {
    return this.follower.waitFor(position, timeoutMs);
  }

  /**
   * Resolves with true once the warm records know everything that any gateway recorded before the call. A process that
   * shares its store with nobody knows it at once.
   */
  async catchUp(): Promise<boolean> {
    return (await this.options.cluster?.barrier()) ?? true;
  }

  /** Whether the records are being kept up with the store. */
  get isFollowing(): boolean {
    return this.follower.isFollowing;
  }

  /** Where this platform's time, ids and randomness come from. */
  get surroundings(): { readonly clock: Clock; readonly identifiers: Identifiers } {
    return this.options;
  }

  /** For what the platform commands by itself. */
  systemContext(id: string): CommandContext {
    return systemContext(id, this.options);
  }

  /** A gateway may have died between the two appends of a command; one of those that live finishes it. */
  private finishForTheDead(): void {
    const { cluster, onProblem = () => undefined } = this.options;
    if (cluster?.isEldest() === true) this.finishPending().catch(onProblem);
  }

  private retryUnsettled(): void {
    if (!this.twoStep.hasUnsettled) return;
    const { onProblem = () => undefined } = this.options;
    for (const orgId of this.twoStep.takeUnsettled()) this.finish.run([orgId]).catch(onProblem);
  }
}

export interface OrganizationRecord extends Pick<Versioned<OrganizationState>, 'position'> {
  readonly id: OrganizationId;
  readonly state: Exclude<OrganizationState, { status: 'none' }>;
  readonly organization: Organization;
  readonly revision: bigint;
}
