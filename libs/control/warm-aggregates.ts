import {
  AppendOutcomeUnknownError,
  type AppendResult,
  type EventStore,
  StoreUnavailableError,
  WrongExpectedRevisionError,
} from '#event-store';
import type {
  Actor,
  Clock,
  Decision,
  DomainEvent,
  EncodedEvent,
  EventId,
  OrganizationId,
  Refusal,
  RequestId,
  StoredEvent,
  StreamName,
  SystemTokenId,
} from '#kernel';
import type { AggregateKind, Versioned } from './aggregate';

export interface ControlMetadata {
  readonly actor: Actor;
  readonly tokenId?: SystemTokenId;
  readonly orgId?: OrganizationId;
  readonly requestId?: RequestId;
  readonly correlationId?: string;
  /** Names the command that caused the events where it may be repeated; see `ExecuteOptions.isRepeat`. */
  readonly causationId?: string;
}

export interface ExecuteOptions {
  /** Revisions that the caller may have seen; any other answers `stale`. */
  readonly ifMatch?: readonly string[];
  /** Awaited before each append; not when nothing is to be appended. A rejection ends the command. */
  readonly beforeAppend?: () => Promise<void>;
  /** The command was begun before and may have been recorded: events caused by `causationId` tell. */
  readonly isRepeat?: boolean;
}

export type Executed<S, R extends Refusal> =
  /** `changed` is also true for a repeat that finds its own events. */
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
    if (stored.revision > next) await this.refresh(stored.stream);
    else this.fold([stored], known);
  }

  /** What commands would decide against the warm state; records nothing. `changed`: events would be recorded. */
  preview(stream: StreamName, commands: C | readonly C[], ifMatch?: readonly string[]): Executed<S, R> {
    const aggregate = this.find(stream);
    if (ifMatch !== undefined && !ifMatch.includes(String(aggregate.revision))) return { kind: 'stale', aggregate };
    const decision = this.decideAll(commands, aggregate.state);
    return decision.ok
      ? { kind: 'accepted', aggregate, changed: decision.events.length > 0 }
      : { kind: 'refused', refusal: decision.refusal };
  }

  /**
   * Decides a command, or several as one, and records the events at once: all or none.
   * @throws ControlUnavailableError when the record cannot be written now.
   */
  async execute(
    stream: StreamName,
    commands: C | readonly C[],
    metadata: ControlMetadata,
    options: ExecuteOptions = {},
  ): Promise<Executed<S, R>> {
    const { causationId } = metadata;
    if (options.isRepeat === true && causationId !== undefined && (await this.wasCausedBy(stream, causationId)))
      return { kind: 'accepted', aggregate: this.find(stream), changed: true };
    for (let conflicts = 0; conflicts < CONFLICTS_MAX; conflicts += 1) {
      const known = this.find(stream);
      if (options.ifMatch !== undefined && !options.ifMatch.includes(String(known.revision)))
        return { kind: 'stale', aggregate: known };
      const decision = this.decideAll(commands, known.state);
      if (!decision.ok) return { kind: 'refused', refusal: decision.refusal };
      if (decision.events.length === 0) return { kind: 'accepted', aggregate: known, changed: false };
      const encoded = this.encode(decision.events, metadata);
      await options.beforeAppend?.();
      const written = await this.append(known, encoded);
      if (written !== 'conflict')
        return { kind: 'accepted', aggregate: this.foldWritten(known, encoded, written), changed: true };
      await this.refresh(stream);
    }
    throw new ControlUnavailableError(`${stream} is changed by too many at once; try again`);
  }

  /** Reads what the record has beyond the warm state. */
  async refresh(stream: StreamName): Promise<Versioned<S>> {
    const known = this.find(stream);
    const from = known.revision === 'no-stream' ? 0n : known.revision + 1n;
    const newer: StoredEvent[] = [];
    for await (const stored of this.runtime.store.readStream(stream, { from })) newer.push(stored);
    return this.fold(newer, known);
  }

  /** Each command sees what the one before it has decided. */
  private decideAll(commands: C | readonly C[], state: S): Decision<E, R> {
    const { decider } = this.kind;
    // A command is an object with a type, never a list.
    const list = Array.isArray(commands) ? (commands as readonly C[]) : [commands as C];
    const events: E[] = [];
    let current = state;
    for (const command of list) {
      const decision = decider.decide(command, current);
      if (!decision.ok) return decision;
      events.push(...decision.events);
      current = decision.events.reduce((folded, event) => decider.evolve(folded, event), current);
    }
    return { ok: true, events };
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

  private foldWritten(known: Versioned<S>, encoded: readonly EncodedEvent[], written: AppendResult): Versioned<S> {
    const first = written.revision - BigInt(encoded.length - 1);
    const { stream } = known;
    const events = encoded.map((event, index) => ({
      ...event,
      stream,
      revision: first + BigInt(index),
      position: written.position,
    }));
    return this.fold(events, known);
  }

  private async wasCausedBy(stream: StreamName, causationId: string): Promise<boolean> {
    await this.refresh(stream);
    for await (const stored of this.runtime.store.readStream(stream, { direction: 'backwards' }))
      if (this.kind.codec.decode(stored)?.metadata.causationId === causationId) return true;
    return false;
  }

  /** Folds what is not yet folded: others may have taken in the same events while a read or an append was under way. */
  private fold(events: readonly StoredEvent[], before: Versioned<S>): Versioned<S> {
    const { decider, codec } = this.kind;
    const base = this.find(before.stream);
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
