import type { BackendId, EpochMs, ModelId, OrganizationId } from '#kernel';
import {
  afterFailure,
  afterFirstOutput,
  afterSignOfLife,
  afterSuccess,
  type Circuit,
  type CircuitSettings,
  type CircuitStatus,
  CLOSED_CIRCUIT,
  circuitStatus,
  withoutTrial,
  withTrial,
} from './circuit';
import type { BackendHealth } from './pick-route';

/** Whose calls, of which model, at which backend. */
export interface CallPlace {
  readonly backendId: BackendId;
  readonly orgId: OrganizationId;
  readonly model: ModelId;
}

/** A circuit that is not closed, of one organization's calls of one model. */
export interface OwnCircuit {
  readonly orgId: OrganizationId;
  readonly model: ModelId;
  readonly circuit: Circuit;
}

/** Organizations and models whose circuits are remembered; beyond it the one that failed longest ago is forgotten. */
export const OWN_CIRCUITS_MAX = 10_000;

const HEALTH: Readonly<Record<CircuitStatus, BackendHealth>> = {
  closed: 'well',
  'half-open': 'on-trial',
  open: 'down',
};

interface Own extends CallPlace {
  readonly circuit: Circuit;
}

function keyOf({ backendId, orgId, model }: CallPlace): string {
  return `${backendId} ${orgId} ${model}`;
}

/**
 * Every circuit of one process. A backend has one for all, which only failed connections open, since no tenant can
 * provoke them; and one for each organization and model, for everything that a request may have to do with. So whatever
 * one tenant sends, no other is kept from a backend by it, and no other's trial is used up (docs/adr/0029).
 */
export class CircuitBoard {
  readonly #shared = new Map<BackendId, Circuit>();
  /** In the order of their last failure. */
  readonly #own = new Map<string, Own>();

  constructor(
    private readonly settings: CircuitSettings,
    private readonly ownMax = OWN_CIRCUITS_MAX,
  ) {}

  healthOf(place: CallPlace, nowMs: number): BackendHealth {
    const shared = this.#healthOf(this.#shared.get(place.backendId), nowMs);
    const own = this.#healthOf(this.#own.get(keyOf(place))?.circuit, nowMs);
    if (shared === 'down' || own === 'down') return 'down';
    return shared === 'on-trial' || own === 'on-trial' ? 'on-trial' : 'well';
  }

  /** A call goes out: a half-open circuit lets no other through until it is known how this one went. */
  sending(place: CallPlace, nowMs: number): void {
    this.#changeShared(place.backendId, (circuit) => withTrial(circuit, nowMs));
    this.#changeOwn(place, (circuit) => withTrial(circuit, nowMs));
  }

  /** The connection stands: that is all that the circuit of all is about. */
  connected({ backendId }: CallPlace): void {
    this.#shared.delete(backendId);
  }

  /** Nothing came of the call that says anything about the backend: whoever comes next may be the trial. */
  givenUp(place: CallPlace): void {
    this.#changeShared(place.backendId, withoutTrial);
    this.#changeOwn(place, withoutTrial);
  }

  /** The first output of a stream has come. */
  answering(place: CallPlace): void {
    this.#changeOwn(place, (circuit) => afterFirstOutput(circuit, this.settings));
  }

  succeeded(place: CallPlace): void {
    this.#changeOwn(place, afterSuccess);
  }

  /** No connection was made, for a call or for a probe. */
  unreachable(backendId: BackendId, reason: string, nowMs: number): void {
    const circuit = this.#shared.get(backendId) ?? CLOSED_CIRCUIT;
    this.#shared.set(backendId, {
      ...afterFailure(circuit, reason, nowMs, this.settings),
      ...(circuit.lastCheckedAt === undefined ? {} : { lastCheckedAt: circuit.lastCheckedAt }),
    });
  }

  /** The backend took a request and did not answer it well. */
  failed(place: CallPlace, reason: string, nowMs: number): void {
    const key = keyOf(place);
    const circuit = this.#own.get(key)?.circuit ?? CLOSED_CIRCUIT;
    this.#own.delete(key);
    this.#own.set(key, { ...place, circuit: afterFailure(circuit, reason, nowMs, this.settings) });
    if (this.#own.size <= this.ownMax) return;
    const [oldest] = this.#own.keys();
    if (oldest !== undefined) this.#own.delete(oldest);
  }

  /** A probe asked: whether it was answered, whatever the answer, so that one call may find out about the rest. */
  probed(backendId: BackendId, isAlive: boolean, nowMs: number, at: EpochMs): void {
    this.#changeShared(backendId, (circuit) => ({
      ...(isAlive ? afterSignOfLife(circuit, nowMs, this.settings) : circuit),
      lastCheckedAt: at,
    }));
  }

  /** The circuit of all. */
  sharedOf(backendId: BackendId): Circuit {
    return this.#shared.get(backendId) ?? CLOSED_CIRCUIT;
  }

  /** Those of single organizations that are not closed, the latest failure first. */
  ownOf(backendId: BackendId, limit: number): readonly OwnCircuit[] {
    const found: OwnCircuit[] = [];
    for (const { circuit, orgId, model, ...own } of [...this.#own.values()].reverse()) {
      if (found.length >= limit) break;
      if (own.backendId === backendId && circuit.openedAtMs !== undefined) found.push({ orgId, model, circuit });
    }
    return found;
  }

  get ownCount(): number {
    return this.#own.size;
  }

  #healthOf(circuit: Circuit | undefined, nowMs: number): BackendHealth {
    return circuit === undefined ? 'well' : HEALTH[circuitStatus(circuit, nowMs, this.settings)];
  }

  #changeShared(id: BackendId, change: (circuit: Circuit) => Circuit): void {
    const circuit = this.#shared.get(id);
    if (circuit !== undefined) this.#shared.set(id, change(circuit));
  }

  #changeOwn(place: CallPlace, change: (circuit: Circuit) => Circuit): void {
    const key = keyOf(place);
    const own = this.#own.get(key);
    if (own === undefined) return;
    const circuit = change(own.circuit);
    if (circuit === CLOSED_CIRCUIT) this.#own.delete(key);
    else this.#own.set(key, { ...own, circuit });
  }
}
