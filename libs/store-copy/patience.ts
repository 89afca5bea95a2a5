import { setTimeout as sleep } from 'node:timers/promises';
import {
  AppendOutcomeUnknownError,
  type EventStoreReader,
  type ReadAllOptions,
  StoreUnavailableError,
} from '#event-store';
import type { StoredEvent } from '#kernel';

const BACKOFF_MS_MIN = 50;
const BACKOFF_MS_MAX = 2_000;

export interface PatienceOptions {
  /** How long one outage of a store is waited out. Default: 60,000. */
  readonly patienceMs?: number;
  /** Told once for each outage that is more than a moment, with what the store says. */
  readonly onWaiting?: (reason: string) => void;
  readonly signal?: AbortSignal;
}

const PATIENCE_MS = 60_000;
/** So many attempts take about half a second. */
const QUIET_ATTEMPTS = 4;

/** Waits out a store that is away; one outage is as long as nothing succeeds. */
export class Patience {
  readonly #patienceMs: number;
  #failingSince: number | undefined;
  #attempts = 0;

  constructor(private readonly options: PatienceOptions) {
    this.#patienceMs = options.patienceMs ?? PATIENCE_MS;
  }

  succeeded(): void {
    this.#failingSince = undefined;
    this.#attempts = 0;
  }

  /** Resolves when it is time to try again. @throws the failure when it cannot be cured by waiting, or not any more. */
  async afterFailure(failure: unknown): Promise<void> {
    if (!(failure instanceof StoreUnavailableError || failure instanceof AppendOutcomeUnknownError)) throw failure;
    const now = performance.now();
    this.#failingSince ??= now;
    const backoff = Math.min(BACKOFF_MS_MIN * 2 ** this.#attempts, BACKOFF_MS_MAX);
    if (now + backoff - this.#failingSince > this.#patienceMs) throw failure;
    this.#attempts += 1;
    if (this.#attempts === QUIET_ATTEMPTS) this.options.onWaiting?.(failure.message);
    const { signal } = this.options;
    await sleep(backoff, undefined, signal === undefined ? {} : { signal });
  }
}

/** Reads on after the last event that came, when the store was away for a while. */
export async function* readAllPatiently(
  store: EventStoreReader,
  read: ReadAllOptions,
  options: PatienceOptions,
): AsyncGenerator<StoredEvent> {
  const patience = new Patience(options);
  let after = read.after ?? 0n;
  for (;;) {
    try {
      for await (const event of store.readAll({ ...read, after })) {
        after = event.position;
        patience.succeeded();
        yield event;
      }
      return;
    } catch (error) {
      await patience.afterFailure(error);
    }
  }
}
