import { type EventStore, WrongExpectedRevisionError } from '#event-store';
import type { AppendRun } from './append-runs';
import { TargetInUseError } from './errors';
import { Patience, type PatienceOptions } from './patience';

/** Bodies of one window; far below what the adapters let wait. */
const WINDOW_BYTES_MAX = 4_000_000;

/**
 * Writes runs in their order. With one append at a time the order of the record is certain; a store that writes appends
 * in the order in which they were begun may be given more at once. An append whose outcome nobody knows is repeated
 * with the same ids and the same expected revision, which writes it once.
 */
export class RunWriter {
  #window: AppendRun[] = [];
  #bytes = 0;
  readonly #patience: Patience;

  constructor(
    private readonly target: EventStore,
    private readonly appendsInFlightMax: number,
    private readonly onWritten: (run: AppendRun) => void,
    options: PatienceOptions,
  ) {
    this.#patience = new Patience(options);
  }

  /** @throws TargetInUseError, or the store's error when it stays away for too long. */
  async add(run: AppendRun): Promise<void> {
    this.#window.push(run);
    this.#bytes += run.bytes;
    if (this.#window.length >= this.appendsInFlightMax || this.#bytes >= WINDOW_BYTES_MAX) await this.flush();
  }

  async flush(): Promise<void> {
    const window = this.#window;
    this.#window = [];
    this.#bytes = 0;
    while (window.length > 0) {
      const failure = await this.#write(window);
      if (failure === undefined) break;
      if (failure instanceof WrongExpectedRevisionError)
        throw new TargetInUseError(
          `somebody else writes to the target: ${failure.message}. Stop whatever is connected to it, give an empty store, and begin again`,
          { cause: failure },
        );
      await this.#patience.afterFailure(failure);
    }
    this.#patience.succeeded();
    for (const run of window) this.onWritten(run);
  }

  /** @returns the first failure in the order of the record. */
  async #write(window: readonly AppendRun[]): Promise<unknown> {
    const outcomes = await Promise.allSettled(
      window.map((run) => this.target.append(run.stream, run.expected, run.events)),
    );
    return outcomes.find((outcome) => outcome.status === 'rejected')?.reason;
  }
}
