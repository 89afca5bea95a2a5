import type { Identifiers } from '#environment';
import type { EventStore } from '#event-store';
import { type Organization, type OrganizationState, organizationStream, parseSlug, slugStream } from '#identity';
import type { Backend, CatalogueState, Model } from '#inference/catalogue';
import { type BackendId, type Clock, type EpochMs, type ModelId, type OrganizationId, parseId } from '#kernel';
import type { KeyStore } from '#key-store';
import type { LedgerService } from '#ledger';
import { AccessRecords } from './access';
import type { Versioned } from './aggregate';
import { type AuthenticatedKey, Authentication, isCredential, type KeyVerdict, type Principal } from './authentication';
import { BackendCredentials } from './backend-credentials';
import { type CallableModel, CallableModels, type ModelCaller } from './callable-models';
import { type ClaimSubject, Claims } from './claims';
import type { Cluster } from './cluster';
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
import { Follower } from './follower';
import { ReadThrough } from './read-through';
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
  readonly accessRecords: AccessRecords;
  private readonly credentials: BackendCredentials;
  private readonly twoStep: TwoStepCommands;
  private readonly claims: Claims | undefined;
  private readonly readThrough: ReadThrough | undefined;
  private readonly follower: Follower;
  private finishTimer: NodeJS.Timeout | undefined;

  private constructor(private readonly options: ControlPlaneOptions) {
    const { store, keyStore, ledger, clock, identifiers, onProblem = () => undefined } = options;
    this.records = controlRecords({ store, clock, newEventId: () => identifiers.eventId() });
    this.authentication = new Authentication(this.records, clock);
    this.models = new CallableModels(this.records);
    this.credentials = new BackendCredentials(keyStore);
    this.ledgers = new LedgerCommands(ledger, clock, this.records);
    const finish = new FinishPending(this.records, this.authentication, this.ledgers, () =>
      this.systemContext('control'),
    );
    this.follower = new Follower({ ...options, records: this.records, onProblem });
    this.claims = this.claimsOf(options);
    this.twoStep = new TwoStepCommands({
      settle: (subject, claim) => finish.settle(subject, claim),
      ...(this.claims === undefined ? {} : { claims: this.claims }),
    });
    this.ledgerEdits = new LedgerEdits(this.records, this.ledgers);
    this.organizations = new OrganizationCommands(this.records, this.ledgers, this.twoStep);
    this.apiKeys = new ApiKeyCommands(this.records, this.ledgers, this.twoStep);
    this.systemTokens = new SystemTokenCommands(this.records, this.twoStep);
    this.catalogueCommands = new CatalogueCommands(this.records, this.credentials);
    this.commandKeys = new CommandKeys({ store, keyStore, clock, identifiers, onProblem });
    this.accessRecords = new AccessRecords({ store, clock, identifiers, onProblem });
    this.authenticationFailures = new AuthenticationFailures({ store, clock, identifiers, onProblem });
    const { cluster } = options;
    this.readThrough = cluster && new ReadThrough(clock, () => cluster.barrier());
    cluster?.onDeath(() => this.settleDue());
  }

  /**
   * Loads what the record has, finishes what a crash left half done, and follows the record from there on. The ledger
   * service has to be started before, for finishing asks it. Where several gateways share the store, what looks half done
   * may be under way: that is settled once its gateway is dead.
   */
  static async open(options: ControlPlaneOptions): Promise<ControlPlane> {
    const plane = new ControlPlane(options);
    const before = await options.store.lastPosition();
    if (options.cluster === undefined) await loadRecords(plane.records);
    else await loadRecordsInOnePass(plane.records, options.store);
    if (options.cluster === undefined) await plane.finishPending();
    plane.follower.start(before);
    plane.finishTimer = setInterval(() => plane.settleAgain(), FINISH_RETRY_MS).unref();
    return plane;
  }

  /**
   * Settles every organization; where several gateways share the store, those that nobody is changing and that may be
   * half changed.
   * @returns how many facts had been left between two appends; see FinishPending for which side wins.
   */
  async finishPending(): Promise<number> {
    const subjects = this.claims === undefined ? this.organizationIds() : this.pending(this.claims);
    let missing = 0;
    for (const subject of subjects) missing += await this.twoStep.settle(subject);
    return missing;
  }

  async close(): Promise<void> {
    clearInterval(this.finishTimer);
    await this.follower.close();
    await Promise.all([this.authenticationFailures.flush(), this.accessRecords.flush()]);
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

  callableModels(caller: ModelCaller & Pick<AuthenticatedKey, 'keyId'>, at: EpochMs): readonly Model[] {
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
   * True once the warm records know everything that any gateway recorded before the call, false when that takes too long.
   * A process that shares its store with nobody knows it at once.
   */
  catchUp(): boolean | Promise<boolean> {
    return this.options.cluster?.barrier() ?? true;
  }

  /** The same for a request with a credential; those that are not known here catch up together, so that they cost little. */
  catchUpFor(secret: string): boolean | Promise<boolean> {
    return this.authentication.isAccepted(secret) ? this.catchUp() : (this.lookFor(secret) ?? true);
  }

  /**
   * Another gateway may have issued a credential a moment ago that is not known here: resolves with true once it would
   * be. `undefined`: it is nobody's, whoever is asked.
   */
  lookFor(secret: string): Promise<boolean> | undefined {
    return this.readThrough !== undefined && isCredential(secret) ? this.readThrough.ask() : undefined;
  }

  /** Whether the records are being kept up with the store: if not, nothing may be admitted by them. Asked on every call. */
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

  private claimsOf({ cluster, clock }: ControlPlaneOptions): Claims | undefined {
    const waitFor = this.waitFor.bind(this);
    return cluster && new Claims({ records: this.records.claims, cluster, clock, waitFor });
  }

  /** A gateway may have died between the two appends of a command; one of those that live finishes it. */
  private settleDue(): void {
    if (this.claims === undefined || this.options.cluster?.isEldest() !== true) return;
    this.settleAll(this.claims.due());
  }

  private settleAgain(): void {
    this.settleAll(this.twoStep.takeUnsettled());
    this.settleDue();
  }

  private pending(claims: Claims): Iterable<ClaimSubject> {
    return new Set([...this.twoStep.takeUnsettled(), ...claims.due()]);
  }

  private settleAll(subjects: readonly ClaimSubject[]): void {
    const { onProblem = () => undefined } = this.options;
    for (const subject of subjects) this.twoStep.settle(subject).catch(onProblem);
  }
}

export interface OrganizationRecord extends Pick<Versioned<OrganizationState>, 'position'> {
  readonly id: OrganizationId;
  readonly state: Exclude<OrganizationState, { status: 'none' }>;
  readonly organization: Organization;
  readonly revision: bigint;
}
