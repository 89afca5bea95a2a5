import { WrongExpectedRevisionError } from '#event-store';
import type { Clock } from '#kernel';
import type { GatewayEvent } from './events';
import type { Acknowledgement, OwnStream } from './own-stream';
import type { MembershipSettings } from './settings';

/** Where waiting comes from, so that tests can own time. */
export interface MembershipTimers {
  /** Runs after a while; the answer cancels. */
  after(delayMs: number, run: () => void): () => void;
}

export interface HeartbeatOptions {
  readonly stream: OwnStream;
  readonly clock: Clock;
  readonly timers: MembershipTimers;
  readonly settings: MembershipSettings;
  readonly started: GatewayEvent;
  readonly beat: GatewayEvent;
  readonly stopped: GatewayEvent;
  readonly onAcknowledged: (acknowledgement: Acknowledgement) => void;
  readonly onProblem: (problem: Error) => void;
}

/** The process ended, or must end, its life in the cluster. */
export class MembershipEndedError extends Error {
  override readonly name = 'MembershipEndedError';
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (reason: Error) => void;
}

/** Writes that this process started, that it lives, and that it stopped; one append at a time, for as long as it takes. */
export class Heartbeat {
  private phase: 'new' | 'starting' | 'beating' | 'stopping' | 'broken' = 'new';
  private underWay: Promise<void> = Promise.resolve();
  private cancelNext: (() => void) | undefined;
  private starting: Waiter | undefined;
  private isFailing = false;
  private isWriting = false;
  /** The next beat does not wait for its time. */
  private isHurried = false;

  constructor(private readonly options: HeartbeatOptions) {}

  /** Whether somebody else writes this process's stream, so that its beats say nothing about it. */
  get isBroken(): boolean {
    return this.phase === 'broken';
  }

  /**
   * Resolves once the start is recorded, which is tried until it succeeds.
   * @throws MembershipEndedError when the process was stopped meanwhile, or another one writes its stream.
   */
  start(): Promise<void> {
    if (this.phase !== 'new') return Promise.reject(new MembershipEndedError('a process starts only once'));
    this.phase = 'starting';
    return new Promise((resolve, reject) => {
      this.starting = { resolve, reject };
      this.writeNext();
    });
  }

  /** Beats as soon as no other beat is under way, instead of at its time. */
  hurry(): void {
    if (this.phase !== 'beating') return;
    this.isHurried = true;
    // While the store is away, whoever is in a hurry must not make every gateway knock without pause.
    if (this.isWriting || this.isFailing) return;
    this.cancelNext?.();
    this.writeNext();
  }

  /** Records the stop if that is possible in time. */
  async stop(): Promise<void> {
    const { timers, settings } = this.options;
    const { phase } = this;
    if (phase === 'stopping') return;
    this.phase = 'stopping';
    this.cancelNext?.();
    this.starting?.reject(new MembershipEndedError('the process was stopped before its start was recorded'));
    if (phase === 'new' || phase === 'broken') return;
    const patience = { isOver: false };
    await new Promise<void>((resolve) => {
      const cancel = timers.after(settings.stopMsMax, () => {
        patience.isOver = true;
        this.options.onProblem(
          new Error(
            'the stop of this gateway could not be recorded in time; the others will notice when its lease ends',
          ),
        );
        resolve();
      });
      void this.writeStop(patience).finally(() => {
        cancel();
        resolve();
      });
    });
  }

  private writeNext(): void {
    const { clock, settings, stream, started, beat } = this.options;
    const beganMs = clock.monotonicMs();
    this.isWriting = true;
    this.isHurried = false;
    this.underWay = stream
      .write(this.phase === 'starting' ? started : beat)
      .then(
        (acknowledgement) => {
          this.acknowledged(acknowledgement);
          this.scheduleNext(Math.max(0, beganMs + settings.beatMs - clock.monotonicMs()));
        },
        (error: unknown) => {
          this.failed(error);
          this.scheduleNext(settings.beatMs);
        },
      )
      // A mistake of the program: reported, and without further beats the lease ends.
      .catch((error: unknown) => this.failed(error));
  }

  private scheduleNext(delayMs: number): void {
    this.isWriting = false;
    if (this.phase !== 'starting' && this.phase !== 'beating') return;
    const isWanted = this.isHurried && !this.isFailing;
    this.cancelNext = this.options.timers.after(isWanted ? 0 : delayMs, () => this.writeNext());
  }

  private acknowledged(acknowledgement: Acknowledgement): void {
    this.isFailing = false;
    if (this.phase === 'starting') this.phase = 'beating';
    this.options.onAcknowledged(acknowledgement);
    this.starting?.resolve();
    this.starting = undefined;
  }

  private failed(error: unknown): void {
    if (error instanceof WrongExpectedRevisionError) {
      const problem = new MembershipEndedError(
        'another process writes the stream of this gateway, or the store was set back: restart this gateway',
        { cause: error },
      );
      this.phase = 'broken';
      this.starting?.reject(problem);
      this.starting = undefined;
      this.options.onProblem(problem);
      return;
    }
    // One report for each time that the store is away, not one for each beat.
    if (!this.isFailing)
      this.options.onProblem(
        new Error('the beat of this gateway could not be recorded; trying again', { cause: error }),
      );
    this.isFailing = true;
  }

  private async writeStop(patience: { readonly isOver: boolean }): Promise<void> {
    const { stream, stopped, timers, settings } = this.options;
    await this.underWay;
    // A process that left no trace need not say that it is gone.
    if (!stream.hasTrace) return;
    let isSent = false;
    while (!patience.isOver) {
      isSent ||= !stream.isInDoubt;
      try {
        await stream.write(stopped);
        if (isSent) return;
      } catch (error) {
        if (error instanceof WrongExpectedRevisionError) return this.options.onProblem(error);
        await new Promise<void>((resolve) => timers.after(settings.beatMs, resolve));
      }
    }
  }
}
