/** Times and sizes of the inference plane. */
export interface CallSettings {
  /** How long after its authorization a call may still be dispatched. */
  readonly dispatchWindowMs: number;
  /** The longest that one call may run upstream. */
  readonly callMsMax: number;
  /** After dispatch window and call time; then others may end the hold. */
  readonly holdGraceMs: number;
  /** How long a call waits for others of its key to end. */
  readonly concurrencyWaitMs: number;
  /** How long a call waits for others to free what they hold of a budget. */
  readonly budgetWaitMs: number;
  /** How long a repeat of an Idempotency-Key waits for the first call's answer. */
  readonly repeatWaitMs: number;
  /** After the last output, how long the backend may take to report usage. */
  readonly usageWaitMs: number;
  /** A stream without a frame gets its headers, and then comments, this often. */
  readonly keepAliveMs: number;
  /** How often one call may be sent to a backend, while each time is proven not to have been billed. */
  readonly attemptsMax: number;
  /** Before a backend is tried again that could not be reached; doubles each time. */
  readonly retryPauseMs: number;
  /** An unstreamed answer is kept whole until its settlement is durable. */
  readonly answerBytesMax: number;
  /** A default output cap that the budget clamps below this is refused instead. */
  readonly outputTokensCapMin: number;
}

export const DEFAULT_CALL_SETTINGS: CallSettings = {
  dispatchWindowMs: 5_000,
  callMsMax: 900_000,
  holdGraceMs: 60_000,
  concurrencyWaitMs: 1_000,
  budgetWaitMs: 1_000,
  repeatWaitMs: 60_000,
  usageWaitMs: 5_000,
  keepAliveMs: 15_000,
  attemptsMax: 3,
  retryPauseMs: 100,
  answerBytesMax: 64 * 1024 * 1024,
  outputTokensCapMin: 16,
};
