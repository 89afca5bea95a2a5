import type { Decider, DomainEvent, EventCodec, Refusal, StreamName } from '#kernel';

/** One kind of aggregate that is kept warm: its streams, how they are read and how they decide. */
export interface AggregateKind<C, S, E extends DomainEvent, R extends Refusal> {
  readonly name: string;
  /** Every stream of this kind begins with it, and no other does. */
  readonly streamPrefix: string;
  readonly codec: EventCodec<E>;
  readonly decider: Decider<C, S, E, R>;
}

/** An aggregate as the record has it. */
export interface Versioned<S> {
  readonly stream: StreamName;
  readonly state: S;
  readonly revision: bigint | 'no-stream';
  /** Position of its newest event; 0n where there is none. */
  readonly position: bigint;
}
