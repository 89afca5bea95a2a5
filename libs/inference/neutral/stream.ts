import type { NanoUsd, TokenUsage } from '#kernel';
import type { BackendError, GarbageReason } from '../backends/trouble';
import type { SeenOutput, UsageDetails, UsageReading } from '../metering/facts';
import type { ErrorCode, ErrorOptions } from '../openai/errors';
import type { NeutralEvent } from './events';

interface Metered {
  readonly usage: UsageReading;
  readonly seen: SeenOutput;
}

export type NeutralOutcome =
  | ({ readonly kind: 'complete'; readonly finishReason?: string } & Metered)
  | ({ readonly kind: 'cut' } & Metered)
  | ({ readonly kind: 'garbage'; readonly reason: GarbageReason } & Metered)
  | ({ readonly kind: 'backend-error'; readonly error: BackendError } & Metered);

/** Reads the bytes of one backend's stream. */
export interface NeutralDecoder {
  /** All output has come; only usage and the end are still missing. */
  readonly finished: boolean;
  /** Nothing that may still come matters. */
  readonly ended: boolean;
  /** What one chunk brought. */
  push(chunk: Uint8Array): readonly NeutralEvent[];
  /** Judges the stream when no more bytes come, with what the last bytes brought after all. */
  end(wasClean: boolean): { readonly events: readonly NeutralEvent[]; readonly outcome: NeutralOutcome };
}

/** Writes one client's stream. */
export interface NeutralEncoder {
  /** The client's frames for one event. */
  accept(event: NeutralEvent): string;
  /** What closes the stream, once its settlement is durable. */
  closing(charged: TokenUsage, cost: NanoUsd, details: UsageDetails): string;
  /** What ends a stream that failed, where it depends on the frames before. */
  errorFrame?(code: ErrorCode, options: ErrorOptions): string;
}

/** An unstreamed answer of a backend. */
export type NeutralAnswer =
  | ({
      readonly kind: 'answer';
      readonly events: readonly NeutralEvent[];
      readonly finishReason?: string;
    } & Metered)
  /** `metered`: what was said and seen of its tokens all the same. */
  | { readonly kind: 'garbage'; readonly reason: GarbageReason; readonly metered?: Metered }
  | { readonly kind: 'backend-error'; readonly error: BackendError };

/** What a dialect writes into an answer that it makes itself. */
export interface AnswerHead {
  readonly requestId: string;
  readonly createdSeconds: number;
  readonly clientModel: string;
}
