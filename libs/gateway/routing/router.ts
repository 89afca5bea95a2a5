import {
  afterFailure,
  afterFirstOutput,
  afterSignOfLife,
  afterSuccess,
  type BackendHealth,
  type Circuit,
  type CircuitSettings,
  type CircuitStatus,
  CLOSED_CIRCUIT,
  circuitStatus,
  DEFAULT_CIRCUIT_SETTINGS,
  type PickedRoute,
  pickRoute,
  withTrial,
} from '#inference';
import type { Backend, Model } from '#inference/catalogue';
import type { BackendId, CallId, Clock, EpochMs } from '#kernel';

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
}

export interface RouterOptions {
  readonly backends: () => ReadonlyMap<BackendId, Backend>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly settings?: CircuitSettings;
}

/** The newest decisions that operators can look at; each is also in the record of its call. */
const DECISIONS_KEPT_MAX = 500;

/** Knows how well each backend is, as this process sees it, and chooses where calls go. */
export class Router {
  private readonly circuits = new Map<BackendId, Circuit>();
  private readonly decisions: RoutedCall[] = [];
  private readonly settings: CircuitSettings;

  constructor(private readonly options: RouterOptions) {
    this.settings = options.settings ?? DEFAULT_CIRCUIT_SETTINGS;
  }

  /** Undefined when no backend may be asked now. */
  choose(model: Model, wish: RoutingWish, exclude: ReadonlySet<BackendId> = new Set()): PickedRoute | undefined {
    return pickRoute({
      model,
      backends: this.options.backends(),
      healthOf: (id) => this.healthOf(id),
      random: this.options.random(),
      exclude,
      ...wish,
    });
  }

  /** A call goes out: a half-open circuit lets no other through until it is known how this one went. */
  sending(id: BackendId): void {
    const circuit = this.circuits.get(id);
    if (circuit !== undefined) this.circuits.set(id, withTrial(circuit, this.nowMs()));
  }

  /** The first output of a stream has come. */
  answering(id: BackendId): void {
    const circuit = this.circuits.get(id);
    if (circuit !== undefined) this.circuits.set(id, afterFirstOutput(circuit, this.settings));
  }

  succeeded(id: BackendId): void {
    const circuit = this.circuits.get(id);
    if (circuit !== undefined) this.circuits.set(id, afterSuccess(circuit));
  }

  failed(id: BackendId, reason: string): void {
    const circuit = this.circuits.get(id) ?? CLOSED_CIRCUIT;
    this.circuits.set(id, afterFailure(circuit, reason, this.nowMs(), this.settings));
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
      const circuit = this.circuits.get(backend.id) ?? CLOSED_CIRCUIT;
      const { failures, lastFailure, lastCheckedAt } = circuit;
      return {
        backendId: backend.id,
        name: backend.name,
        service: backend.service ?? 'in-service',
        circuit: circuitStatus(circuit, this.nowMs(), this.settings),
        consecutiveFailures: failures,
        ...(lastFailure === undefined ? {} : { lastFailure }),
        ...(lastCheckedAt === undefined ? {} : { lastCheckedAt }),
      };
    });
  }

  /** Backends that calls avoid: the ones worth probing. */
  ailing(): readonly Backend[] {
    return [...this.options.backends().values()].filter(({ id }) => this.circuits.get(id)?.openedAtMs !== undefined);
  }

  /**
   * What a probe found. A backend that answers is given one call: a probe proves that it can be reached, and not that it
   * brings an answer to its end.
   */
  probed(id: BackendId, failure: string | undefined): void {
    if (failure !== undefined) this.failed(id, failure);
    const circuit = this.circuits.get(id);
    if (circuit === undefined) return;
    const found = failure === undefined ? afterSignOfLife(circuit, this.nowMs(), this.settings) : circuit;
    this.circuits.set(id, { ...found, lastCheckedAt: this.options.clock.now() });
  }

  private healthOf(id: BackendId): BackendHealth {
    const circuit = this.circuits.get(id);
    if (circuit === undefined) return 'well';
    switch (circuitStatus(circuit, this.nowMs(), this.settings)) {
      case 'closed':
        return 'well';
      case 'half-open':
        return 'on-trial';
      case 'open':
        return 'down';
    }
  }

  private nowMs(): number {
    return this.options.clock.monotonicMs();
  }
}
