import type { Clock } from '#kernel';

/** Barriers for credentials that nobody knows start at most this often, however many strangers knock. */
const PAUSE_MS = 100;

/**
 * Waits for what other gateways have recorded, on behalf of requests that nobody vouches for: those that arrive within
 * a pause share one barrier, so that bad keys cost the record next to nothing.
 */
export class ReadThrough {
  private next: Promise<boolean> | undefined;
  private startedMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly clock: Pick<Clock, 'monotonicMs'>,
    private readonly barrier: () => Promise<boolean>,
  ) {}

  /** Resolves with true once everything is known that was recorded before the call; with false when that takes too long. */
  ask(): Promise<boolean> {
    this.next ??= this.start();
    return this.next;
  }

  private async start(): Promise<boolean> {
    const waitMs = Math.max(0, this.startedMs + PAUSE_MS - this.clock.monotonicMs());
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    // Whoever asks from here on may have been told of something newer than this barrier.
    this.next = undefined;
    this.startedMs = this.clock.monotonicMs();
    return this.barrier();
  }
}
