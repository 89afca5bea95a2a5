import type { BackendError, GarbageReason } from '../../backends/trouble';
import type { SeenOutput, UsageReading } from '../../metering/facts';

interface Metered {
  readonly usage: UsageReading;
  readonly seen: SeenOutput;
}

/** How a stream ended, judged when no more frames will come. */
export type ChatStreamOutcome =
  /** The backend finished: every choice has its finish reason, or its usage and `[DONE]` came. */
  | ({
      readonly kind: 'complete';
      /** Of the first choice; absent when the backend gave none before `[DONE]`. */
      readonly finishReason?: string;
      readonly contentAfterFinish: boolean;
    } & Metered)
  /** It stopped in the middle: the end of the body, or its failure, without a finish. `openChoices` lack a reason. */
  | ({ readonly kind: 'cut'; readonly openChoices: readonly number[] } & Metered)
  /** What came cannot be understood. */
  | ({ readonly kind: 'garbage'; readonly reason: GarbageReason } & Metered)
  /** The backend sent an error frame. */
  | ({ readonly kind: 'backend-error'; readonly error: BackendError } & Metered);
