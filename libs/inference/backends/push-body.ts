import type { BackendTimeouts } from '../catalogue/types';
import { PhaseWatch } from './phase-watch';
import { type BodyFailure, type BodySink, LEFTOVER_BYTES_MAX, LEFTOVER_MS_MAX, type UpstreamBody } from './port';

/** What a body holds for a reader that has not come yet or has paused; beyond it the source is paused. */
export const BODY_WAITING_BYTES_MAX = 256 * 1024;

/** Where the bytes come from. A source may still push a little after `pause`. */
export interface BodySource {
  pause(): void;
  resume(): void;
  /** Ends the transport; nothing it reports afterwards matters. */
  abort(): void;
}

/** Hears the end of a body that was released. */
const NOBODY: BodySink = { onChunk: () => true, onEnd: () => undefined, onFailure: () => undefined };

/** The body of every backend kind: the adapter pushes into one side, the reader pipes from the other. */
export class PushBody implements UpstreamBody {
  #sink: BodySink | undefined;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #ending: 'end' | BodyFailure | undefined;
  #over = false;
  #readerPaused = false;
  #sourcePaused = false;
  /** What may still come after the reader has released the body. */
  #leftoverBytes: number | undefined;
  readonly #watch: PhaseWatch;

  /**
   * @param remainingFirstByteMs what the backend has left to send the first byte of its body.
   * @param onOver called once, when nothing more will happen.
   */
  constructor(
    private readonly source: BodySource,
    private readonly timeouts: BackendTimeouts,
    remainingFirstByteMs: number,
    private readonly onOver: () => void,
  ) {
    this.#watch = new PhaseWatch((phase) => {
      // The cause first: the transport may report its own end while it is being aborted.
      this.fail({ kind: phase === 'idle' ? 'idle-timeout' : 'first-byte-timeout' });
      source.abort();
    });
    this.#watch.start('first-byte', remainingFirstByteMs);
  }

  /** From the source: bytes, which it must not change afterwards. */
  push(chunk: Uint8Array): void {
    if (this.#over || this.#ending !== undefined || chunk.length === 0) return;
    if (this.#leftoverBytes !== undefined) {
      this.#leftoverBytes -= chunk.length;
      if (this.#leftoverBytes < 0) this.discard();
      return;
    }
    this.sawBytes();
    if (this.#sink === undefined || this.#readerPaused) this.#hold(chunk);
    else this.#deliver(this.#sink, chunk);
  }

  /** From the source: the backend lives, even if what it sent says nothing yet. */
  sawBytes(): void {
    if (this.#over || this.#ending !== undefined || this.#sourcePaused || this.#leftoverBytes !== undefined) return;
    if (this.#watch.phase === 'idle') this.#watch.touch();
    else this.#watch.start('idle', this.timeouts.idleMs);
  }

  /** From the source: the body is complete. */
  finish(): void {
    this.#settle('end');
  }

  /** From the source: the body ends here. What came before is still delivered. */
  fail(failure: BodyFailure): void {
    this.#settle(failure);
  }

  /** By the caller's signal: nothing more is delivered, whatever still waits, even to a reader that has paused. */
  cancel(): void {
    if (this.#over) return;
    const isOpen = this.#ending === undefined;
    this.#waiting = [];
    this.#readerPaused = false;
    this.#ending = { kind: 'aborted' };
    this.#watch.stop();
    this.#drain();
    if (isOpen) this.source.abort();
  }

  pipe(sink: BodySink): void {
    if (this.#sink !== undefined) throw new Error('a body can be piped only once');
    this.#sink = sink;
    this.#drain();
  }

  resume(): void {
    if (!this.#readerPaused || this.#over) return;
    this.#readerPaused = false;
    this.#drain();
  }

  discard(): void {
    if (this.#over) return;
    const isOpen = this.#ending === undefined;
    this.#close();
    if (isOpen) this.source.abort();
  }

  release(): void {
    if (this.#over) return;
    if (this.#ending !== undefined) {
      this.#close();
      return;
    }
    this.#sink = NOBODY;
    this.#leftoverBytes = LEFTOVER_BYTES_MAX;
    this.#waiting = [];
    this.#readerPaused = false;
    this.#resumeSource();
    this.#watch.start('idle', LEFTOVER_MS_MAX);
  }

  #settle(ending: 'end' | BodyFailure): void {
    if (this.#over || this.#ending !== undefined) return;
    this.#ending = ending;
    this.#watch.stop();
    this.#drain();
  }

  #hold(chunk: Uint8Array): void {
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
    if (this.#waitingBytes >= BODY_WAITING_BYTES_MAX || this.#readerPaused) this.#pauseSource();
  }

  #pauseSource(): void {
    if (this.#sourcePaused || this.#ending !== undefined) return;
    this.#sourcePaused = true;
    // A paused source cannot show that it lives.
    this.#watch.stop();
    this.source.pause();
  }

  #deliver(sink: BodySink, chunk: Uint8Array): void {
    try {
      this.#readerPaused = !sink.onChunk(chunk);
    } catch (error) {
      this.discard();
      sink.onFailure({ kind: 'reader-failed', error });
      return;
    }
    if (this.#readerPaused) this.#pauseSource();
  }

  #drain(): void {
    const sink = this.#sink;
    if (sink === undefined) return;
    while (this.#waiting.length > 0 && !this.#readerPaused && !this.#over) {
      const chunk = this.#waiting.shift();
      if (chunk === undefined) break;
      this.#waitingBytes -= chunk.length;
      this.#deliver(sink, chunk);
    }
    if (this.#readerPaused || this.#over) return;
    if (this.#ending === undefined) this.#resumeSource();
    else this.#conclude(sink, this.#ending);
  }

  #resumeSource(): void {
    if (!this.#sourcePaused) return;
    this.#sourcePaused = false;
    this.#watch.start('idle', this.timeouts.idleMs);
    this.source.resume();
  }

  #conclude(sink: BodySink, ending: 'end' | BodyFailure): void {
    this.#close();
    if (ending === 'end') sink.onEnd();
    else sink.onFailure(ending);
  }

  #close(): void {
    this.#over = true;
    this.#watch.stop();
    this.#waiting = [];
    this.onOver();
  }
}
