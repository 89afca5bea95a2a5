import {
  AppendOutcomeUnknownError,
  type EventStore,
  StoreUnavailableError,
  WrongExpectedRevisionError,
} from '#event-store';
import type {
  Actor,
  Clock,
  DomainEvent,
  EncodedEvent,
  EventId,
  OrganizationId,
  Refusal,
  RequestId,
  StoredEvent,
  StreamName,
} from '#kernel';
import type { AggregateKind, Versioned } from './aggregate';

export interface ControlMetadata {
  readonly actor: Actor;
  readonly orgId?: OrganizationId;
  readonly requestId?: RequestId;
}

export type Executed<S, R extends Refusal> =
  | { readonly kind: 'accepted'; readonly aggregate: Versioned<S>; readonly changed: boolean }
  | { readonly kind: 'refused'; readonly refusal: R }
  /** Somebody else changed it since the caller looked. */
  | { readonly kind: 'stale'; readonly aggregate: Versioned<S> };

/** A command could not be recorded, or nobody knows whether it was; the caller may repeat it. */
export class ControlUnavailableError extends Error {
  override readonly name = 'ControlUnavailableError';
}

export interface ControlRuntime {
  readonly store: EventStore;
  readonly clock: Clock;
  readonly newEventId: () => EventId;
}

const CONFLICTS_MAX = 8;
const UNKNOWN_OUTCOMES_MAX = 10;
const RETRY_MS = 200;

/**
 * All aggregates of one kind, warm. Commands decide against the warm state and append with its revision, so a stale
 * cache costs a retry, never a wrong decision.
 */
export class WarmAggregates<C, S, E extends DomainEvent, R extends Refusal> {
  private readonly byStream = new Map<StreamName, Versioned<S>>();
  private readonly listeners: ((aggregate: Versioned<S>) => void)[] = [];

  constructor(
    readonly kind: AggregateKind<C, S, E, R>,
    private readonly runtime: ControlRuntime,
  ) {}

  find(stream: StreamName): Versioned<S> {
    return (
      this.byStream.get(stream) ?? {
        stream,
        state: this.kind.decider.initialState,
        revision: 'no-stream',
        position: 0n,
      }
    );
  }

  all(): IterableIterator<Versioned<S>> {
    return this.byStream.values();
  }

  /** Told about every aggregate as it is now and after each change; for indexes. */
  onChange(listener: (aggregate: Versioned<S>) => void): void {
    this.listeners.push(listener);
    for (const aggregate of this.byStream.values()) listener(aggregate);
  }

  /** Reads every stream of this kind. */
  async loadAll(): Promise<void> {
    for await (const stream of this.runtime.store.streamNames(this.kind.streamPrefix)) await this.refresh(stream);
  }

  /** Takes in an event that the record delivered; what is known already changes nothing. */
  async apply(stored: StoredEvent): Promise<void> {
    const known = this.find(stored.stream);
    const next = known.revision === 'no-stream' ? 0n : known.revision + 1n;
    if (stored.revision < next) return;
    if (stored.revision > next) {
      await this.refresh(stored.stream);
      return;
    }
    this.fold([stored], known);
  }

  /**
   * Decides a command and records its events.
   * @param ifMatch the revision that the caller saw; another one answers `stale`.
   * @throws ControlUnavailableError when the record cannot be written now.
   */
  async execute(
    stream: StreamName,
    command: C | ((state: S) => C),
    metadata: ControlMetadata,
    ifMatch?: bigint,
  ): Promise<Executed<S, R>> {
    for (let conflicts = 0; conflicts < CONFLICTS_MAX; conflicts += 1) {
      const known = this.find(stream);
      if (ifMatch !== undefined && known.revision !== ifMatch) return { kind: 'stale', aggregate: known };
      // Commands are plain objects, so a function can only be what makes one.
      const made = typeof command === 'function' ? (command as (state: S) => C)(known.state) : command;
      const decision = this.kind.decider.decide(made, known.state);
      if (!decision.ok) return { kind: 'refused', refusal: decision.refusal };
      if (decision.events.length === 0) return { kind: 'accepted', aggregate: known, changed: false };
      const encoded = this.encode(decision.events, metadata);
      const written = await this.append(known, encoded);
      if (written === 'conflict') {
        await this.refresh(stream);
        continue;
      }
      const aggregate = this.fold(
        encoded.map((event, index) => ({
          ...event,
          stream,
          revision: written.revision - BigInt(encoded.length - 1 - index),
          position: written.position,
        })),
        known,
      );
      return { kind: 'accepted', aggregate, changed: true };
    }
    throw new ControlUnavailableError(`${stream} is changed by too many at once; try again`);
  }

  private encode(events: readonly E[], metadata: ControlMetadata): readonly EncodedEvent[] {
    const at = this.runtime.clock.now();
    return events.map((event) =>
      this.kind.codec.encode({ id: this.runtime.newEventId(), event, metadata: { ...metadata, at } }),
    );
  }

  private async append(known: Versioned<S>, encoded: readonly EncodedEvent[]) {
    for (let tries = 0; ; tries += 1) {
      try {
        return await this.runtime.store.append(known.stream, known.revision, encoded);
      } catch (error) {
        if (error instanceof WrongExpectedRevisionError) return 'conflict' as const;
        const isDoubtful = error instanceof AppendOutcomeUnknownError;
        // Repeating it with the same ids and revision is written once, whatever became of the first try.
        if (isDoubtful && tries < UNKNOWN_OUTCOMES_MAX) await new Promise((done) => setTimeout(done, RETRY_MS));
        else if (isDoubtful || error instanceof StoreUnavailableError)
          throw new ControlUnavailableError('the record cannot be written now; try again', { cause: error });
        else throw error;
      }
    }
  }

  private async refresh(stream: StreamName): Promise<void> {
    const known = this.find(stream);
    const from = known.revision === 'no-stream' ? 0n : known.revision + 1n;
    const newer: StoredEvent[] = [];
    for await (const stored of this.runtime.store.readStream(stream, { from })) newer.push(stored);
    // Others may have folded the same events while this read was under way.
    const now = this.find(stream);
    const beyond = newer.filter(({ revision }) => now.revision === 'no-stream' || revision > now.revision);
    if (beyond.length > 0) this.fold(beyond, now);
  }

  private fold(events: readonly StoredEvent[], before: Versioned<S>): Versioned<S> {
    const { decider, codec } = this.kind;
    const current = this.find(before.stream);
    const base = current.revision === before.revision ? before : current;
    const newer = events.filter(({ revision }) => base.revision === 'no-stream' || revision > base.revision);
    const last = newer.at(-1);
    if (last === undefined) return base;
    const state = newer.reduce((folded, stored) => {
      const decoded = codec.decode(stored);
      if (decoded === undefined)
        throw new Error(`${stored.stream} holds a ${stored.type}, which this version does not know`);
      return decider.evolve(folded, decoded.event);
    }, base.state);
    const aggregate: Versioned<S> = { stream: before.stream, state, revision: last.revision, position: last.position };
    this.byStream.set(before.stream, aggregate);
    for (const listener of this.listeners) listener(aggregate);
    return aggregate;
  }
}
