import {
  type CallPlace,
  CircuitBoard,
  type CircuitSettings,
  type CircuitStatus,
  circuitStatus,
  DEFAULT_CIRCUIT_SETTINGS,
  type PickedRoute,
  pickRoute,
} from '#inference';
import type { Backend, Model } from '#inference/catalogue';
import type { BackendId, CallId, Clock, EpochMs, ModelId, OrganizationId } from '#kernel';

/** `primary`: the first choice served. `failover`: another had failed. `override`: the client named the backend. */
export type RoutingDecision = 'primary' | 'failover' | 'override';

/** What a client may ask about where its call goes. */
export interface RoutingWish {
  /** Calls with the same key go to the same backend while it is well. */
  readonly stickyKey?: string;
  readonly onlyBackend?: string;
}

export interface RoutedCall {
  readonly at: EpochMs;
  readonly callId: CallId;
  readonly model: string;
  readonly backend: string;
  readonly decision: RoutingDecision;
  /** Why the attempt failed; absent while it has not. */
  readonly failure?: string;
}

export interface BackendStatus {
  readonly backendId: BackendId;
  readonly name: string;
  readonly service: NonNullable<Backend['service']>;
  readonly circuit: CircuitStatus;
  readonly consecutiveFailures: number;
  readonly lastFailure?: string;
  readonly lastCheckedAt?: EpochMs;
  /** Organizations and models that alone are kept from it, the latest first; at most `OWN_CIRCUITS_SHOWN_MAX`. */
  readonly ownCircuits: readonly OwnCircuitStatus[];
}

/** How well a backend is for one organization's calls of one model. */
export interface OwnCircuitStatus {
  readonly orgId: OrganizationId;
  readonly model: ModelId;
  readonly circuit: CircuitStatus;
  readonly consecutiveFailures: number;
  readonly lastFailure?: string;
}

export interface RouterOptions {
  readonly backends: () => ReadonlyMap<BackendId, Backend>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly settings?: CircuitSettings;
}

/** The newest decisions that operators can look at; each is also in the record of its call. */
const DECISIONS_KEPT_MAX = 500;
const OWN_CIRCUITS_SHOWN_MAX = 100;

/** Knows how well each backend is, as this process sees it, and chooses where calls go. */
export class Router {
  private readonly board: CircuitBoard;
  private readonly decisions: RoutedCall[] = [];
  private readonly settings: CircuitSettings;

  constructor(private readonly options: RouterOptions) {
    this.settings = options.settings ?? DEFAULT_CIRCUIT_SETTINGS;
    this.board = new CircuitBoard(this.settings);
  }

  /** Undefined when no backend may be asked now by this organization. */
  choose(
    model: Model,
    orgId: OrganizationId,
    wish: RoutingWish,
    exclude: ReadonlySet<BackendId> = new Set(),
  ): PickedRoute | undefined {
    return pickRoute({
      model,
      backends: this.options.backends(),
      healthOf: (backendId) => this.board.healthOf({ backendId, orgId, model: model.id }, this.nowMs()),
      random: this.options.random(),
      exclude,
      ...wish,
    });
  }

  /** A call goes out: a half-open circuit lets no other through until it is known how this one went. */
  sending(place: CallPlace): void {
    this.board.sending(place, this.nowMs());
  }

  /** Its request is about to be written, to a connection that stands. */
  connected(place: CallPlace): void {
    this.board.connected(place);
  }

  /** Nothing came of it that says anything about the backend. */
  givenUp(place: CallPlace): void {
    this.board.givenUp(place);
  }

  /** The first output of a stream has come. */
  answering(place: CallPlace): void {
    this.board.answering(place);
  }

  succeeded(place: CallPlace): void {
    this.board.succeeded(place);
  }

  /** The backend took the request and did not answer it well. */
  failed(place: CallPlace, reason: string): void {
    this.board.failed(place, reason, this.nowMs());
  }

  /** No connection was made. */
  unreachable({ backendId }: CallPlace, reason: string): void {
    this.board.unreachable(backendId, reason, this.nowMs());
  }

  /** Keeps a decision for operators to look at. */
  decided(call: RoutedCall): void {
    this.decisions.push(call);
    if (this.decisions.length > DECISIONS_KEPT_MAX) this.decisions.shift();
  }

  /** Newest first. */
  recentDecisions(limit: number): readonly RoutedCall[] {
    return this.decisions.slice(-limit).reverse();
  }

  statuses(): readonly BackendStatus[] {
    return [...this.options.backends().values()].map((backend) => {
      const circuit = this.board.sharedOf(backend.id);
      const { failures, lastFailure, lastCheckedAt } = circuit;
      return {
        backendId: backend.id,
        name: backend.name,
        service: backend.service ?? 'in-service',
        circuit: circuitStatus(circuit, this.nowMs(), this.settings),
        consecutiveFailures: failures,
        ...(lastFailure === undefined ? {} : { lastFailure }),
        ...(lastCheckedAt === undefined ? {} : { lastCheckedAt }),
        ownCircuits: this.ownCircuits(backend.id),
      };
    });
  }

  /** Backends that no connection reaches: the ones worth probing. */
  ailing(): readonly Backend[] {
    return [...this.options.backends().values()].filter(({ id }) => this.board.sharedOf(id).openedAtMs !== undefined);
  }

  /**
   * What a probe found. A backend that answers is given one call: a probe proves that it can be reached, and not that it
   * brings an answer to its end.
   */
  probed(id: BackendId, failure: string | undefined): void {
    if (failure !== undefined) this.board.unreachable(id, failure, this.nowMs());
    this.board.probed(id, failure === undefined, this.nowMs(), this.options.clock.now());
  }

  private ownCircuits(id: BackendId): readonly OwnCircuitStatus[] {
    return this.board.ownOf(id, OWN_CIRCUITS_SHOWN_MAX).map(({ orgId, model, circuit }) => ({
      orgId,
      model,
      circuit: circuitStatus(circuit, this.nowMs(), this.settings),
      consecutiveFailures: circuit.failures,
      ...(circuit.lastFailure === undefined ? {} : { lastFailure: circuit.lastFailure }),
    }));
  }

  private nowMs(): number {
    return this.options.clock.monotonicMs();
  }
}
