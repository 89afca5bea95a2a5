import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import { PhaseWatch } from '../phase-watch';
import {
  ERROR_BODY_BYTES_MAX,
  type OpenFailure,
  STALE_AFTER_MS_MAX,
  type UpstreamCall,
  type UpstreamResponse,
} from '../port';
import { type BodySource, PushBody } from '../push-body';
import type { Connection } from './connection';
import { upstreamHeaders } from './headers';

/** Reason of our own aborts; nobody outside hears of it. */
class GivenUpError extends Error {
  override readonly name = 'GivenUpError';
}

function reasonOf(error: Error): string {
  const code: unknown = 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : error.name;
}

type State = 'connecting' | 'dispatched' | 'error-answer' | 'answer' | 'over';

/**
 * One request on the wire, as undici's dispatcher sees it. It resolves exactly once, and whatever undici reports
 * afterwards is ignored, so that no late error becomes an unhandled one.
 */
export class Exchange implements Dispatcher.DispatchHandler, BodySource {
  #state: State = 'connecting';
  #controller: Dispatcher.DispatchController | undefined;
  #body: PushBody | undefined;
  #connection: Connection | undefined;
  #isReused = false;
  #dispatchedMs = 0;
  #firstByteDeadline = 0;
  #errorStatus = 0;
  #errorHeaders: IncomingHttpHeaders = {};
  #errorChunks: Buffer[] = [];
  #errorBytes = 0;
  readonly #watch: PhaseWatch;

  constructor(
    private readonly call: UpstreamCall,
    private readonly resolve: (response: UpstreamResponse) => void,
  ) {
    this.#watch = new PhaseWatch((phase) =>
      this.#giveUp(
        phase === 'connect' ? { kind: 'connect-failed', reason: 'connect timeout' } : { kind: 'first-byte-timeout' },
      ),
    );
    call.signal.addEventListener('abort', this, { once: true });
  }

  /** Call after dispatching: undici starts at once on an idle connection, else the time to connect begins to run. */
  watchConnect(): void {
    if (this.#state === 'connecting') this.#watch.start('connect', this.call.backend.timeouts.connectMs);
  }

  /** Told before `onRequestStart`. */
  onConnection(connection: Connection): void {
    this.#connection = connection;
  }

  /** The caller's signal was aborted. */
  handleEvent(): void {
    if (this.#state === 'answer') this.#body?.cancel();
    else this.#giveUp({ kind: 'aborted', dispatched: this.#state !== 'connecting' });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // undici writes the request in the same turn, right after this.
    const why = this.#state === 'over' ? undefined : this.call.whyNotStart();
    if (why !== undefined) this.#fail({ kind: 'not-started', reason: why });
    if (this.#state === 'over') {
      controller.abort(new GivenUpError());
      return;
    }
    this.#state = 'dispatched';
    this.#isReused = this.#connection?.serve() ?? false;
    this.#dispatchedMs = performance.now();
    this.#firstByteDeadline = this.#dispatchedMs + this.call.backend.timeouts.firstByteMs;
    this.#watch.start('first-byte', this.call.backend.timeouts.firstByteMs);
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (this.#state !== 'dispatched' || status < 200) return;
    if (status >= 300) {
      this.#state = 'error-answer';
      this.#errorStatus = status;
      this.#errorHeaders = headers;
      return;
    }
    this.#state = 'answer';
    this.#watch.stop();
    const remaining = Math.max(1, this.#firstByteDeadline - performance.now());
    this.#body = new PushBody(this, this.call.backend.timeouts, remaining, () => this.#close());
    this.resolve({ kind: 'answer', status, headers: upstreamHeaders(headers), body: this.#body });
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#state === 'answer') this.#body?.push(chunk);
    else if (this.#state === 'error-answer') this.#keepError(chunk);
  }

  onResponseEnd(): void {
    if (this.#state === 'answer') this.#body?.finish();
    else if (this.#state === 'error-answer') this.#answerError();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    const reason = reasonOf(error);
    switch (this.#state) {
      case 'connecting':
        this.#fail({ kind: 'connect-failed', reason });
        break;
      case 'dispatched':
        this.#fail({ kind: this.#isStale() ? 'stale-connection' : 'connection-lost', reason });
        break;
      case 'error-answer':
        this.#answerError();
        break;
      case 'answer':
        this.#body?.fail({ kind: 'connection-lost', reason });
        break;
      case 'over':
        break;
    }
  }

  pause(): void {
    this.#controller?.pause();
  }

  resume(): void {
    this.#controller?.resume();
  }

  abort(): void {
    this.#controller?.abort(new GivenUpError());
  }

  #keepError(chunk: Buffer): void {
    this.#errorChunks.push(chunk.subarray(0, ERROR_BODY_BYTES_MAX - this.#errorBytes));
    this.#errorBytes += chunk.length;
    if (this.#errorBytes < ERROR_BODY_BYTES_MAX) return;
    this.#answerError();
    this.abort();
  }

  #answerError(): void {
    this.#close();
    this.resolve({
      kind: 'status',
      status: this.#errorStatus,
      headers: upstreamHeaders(this.#errorHeaders),
      body: Buffer.concat(this.#errorChunks).toString('utf8'),
    });
  }

  /** Whether the connection was closed by the time it was written to: see `STALE_AFTER_MS_MAX`. */
  #isStale(): boolean {
    return this.#isReused && performance.now() - this.#dispatchedMs <= STALE_AFTER_MS_MAX;
  }

  #fail(failure: OpenFailure): void {
    this.#close();
    this.resolve({ kind: 'failure', failure });
  }

  #giveUp(failure: OpenFailure): void {
    if (this.#state === 'error-answer') {
      // The status is known, only its explanation is late.
      this.#answerError();
      this.abort();
    } else if (this.#state !== 'over') {
      this.#fail(failure);
      this.abort();
    }
  }

  #close(): void {
    this.#state = 'over';
    this.#watch.stop();
    this.call.signal.removeEventListener('abort', this);
  }
}
