import type { EventStore, ExpectedRevision } from '#event-store';
import { StoreUnavailableError } from '#event-store';
import type { BootId, Clock, EncodedEvent, EpochMs, EventId, StreamName } from '#kernel';
import { type GatewayEvent, gatewayCodec, gatewayStream } from './events';

/** When something happened, by both clocks of this machine. */
export interface Moment {
  readonly at: EpochMs;
  readonly monotonicMs: number;
}

export function momentOf(clock: Clock): Moment {
  return { at: clock.now(), monotonicMs: clock.monotonicMs() };
}

export interface Acknowledgement {
  readonly revision: bigint;
  /** When the event was first sent; the store recorded it between then and `acknowledged`. */
  readonly sent: Moment;
  readonly acknowledged: Moment;
  /** Whether it took one attempt; else the store may have recorded it long before it said so. */
  readonly isPrompt: boolean;
}

export interface OwnStreamOptions {
  readonly store: Pick<EventStore, 'append'>;
  readonly clock: Clock;
  readonly bootId: BootId;
  readonly newEventId: () => EventId;
  /** Called before an event is first sent: its own echo may be quicker than the store's answer. */
  readonly onSend: (revision: bigint, sent: Moment) => void;
}

interface Frozen {
  readonly encoded: EncodedEvent;
  readonly revision: bigint;
  readonly sent: Moment;
}

/**
 * The stream that only this process writes. At most one append is under way; one whose outcome is unknown is repeated
 * as it was, with its id and revision, before anything else is written.
 */
export class OwnStream {
  readonly name: StreamName;
  private expected: Exclude<ExpectedRevision, 'any'> = 'no-stream';
  private inDoubt: Frozen | undefined;

  constructor(private readonly options: OwnStreamOptions) {
    this.name = gatewayStream(options.bootId);
  }

  /** Whether the next write repeats an earlier event, whatever it is asked to write. */
  get isInDoubt(): boolean {
    return this.inDoubt !== undefined;
  }

  /** Whether the store may hold anything of this process. */
  get hasTrace(): boolean {
    return this.isInDoubt || this.expected !== 'no-stream';
  }

  /**
   * Writes the event in doubt if there is one, else this one. Must not be called while a write is under way.
   * @throws what the store throws; unless nothing was written for certain, the event is in doubt from then on.
   */
  async write(event: GatewayEvent): Promise<Acknowledgement> {
    const { store, clock } = this.options;
    const isPrompt = this.inDoubt === undefined;
    const frozen = this.inDoubt ?? this.freeze(event);
    this.inDoubt = frozen;
    try {
      const { revision } = await store.append(this.name, this.expected, [frozen.encoded]);
      this.inDoubt = undefined;
      this.expected = revision;
      return { revision, sent: frozen.sent, acknowledged: momentOf(clock), isPrompt };
    } catch (error) {
      // What was certainly never written is made anew: a repeat would carry the time of its first attempt.
      if (error instanceof StoreUnavailableError && isPrompt) this.inDoubt = undefined;
      throw error;
    }
  }

  private freeze(event: GatewayEvent): Frozen {
    const { clock, newEventId, onSend } = this.options;
    const sent = momentOf(clock);
    const metadata = { actor: { type: 'system', id: 'gateway' }, at: sent.at } as const;
    const encoded = gatewayCodec.encode({ id: newEventId(), event, metadata });
    const revision = this.expected === 'no-stream' ? 0n : this.expected + 1n;
    onSend(revision, sent);
    return { encoded, revision, sent };
  }
}
