import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import { BodyScrubber } from '../body-scrubber';
import { BodyDecoder, contentCodingOf, type DecodedSink } from '../content-coding';
import { PhaseWatch } from '../phase-watch';
import {
  type BodyFailure,
  ERROR_BODY_BYTES_MAX,
  type OpenFailure,
  STALE_AFTER_MS_MAX,
  type UpstreamCall,
  type UpstreamResponse,
} from '../port';
import { type BodySource, PushBody } from '../push-body';
import type { Redact } from '../secret-redaction';
import type { GarbageReason } from '../trouble';
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

/** What a backend is sent to prove who calls, and how it is taken out of what comes back. */
export interface Credential {
  readonly secret: string | undefined;
  readonly redact: Redact;
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
  /** Takes the codings off the body, where the backend put any on it. */
  #decoder: BodyDecoder | undefined;
  /** What broke the body, once what had come of it is decoded. */
  #lost: BodyFailure | undefined;
  #firstByteDeadline = 0;
  #errorStatus = 0;
  #errorHeaders: IncomingHttpHeaders = {};
  #errorChunks: Buffer[] = [];
  #errorBytes = 0;
  readonly #watch: PhaseWatch;
  readonly #redact: Redact;
  readonly #scrubber: BodyScrubber | undefined;

  constructor(
    private readonly call: UpstreamCall,
    private readonly resolve: (response: UpstreamResponse) => void,
    /** Of the credential that is sent, which must not come back. */
    { secret, redact }: Credential,
  ) {
    this.#redact = redact;
    this.#scrubber = BodyScrubber.for(secret);
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
    const coding = contentCodingOf(headers['content-encoding']);
    if (coding.kind === 'coded') this.#decoder = new BodyDecoder(coding.codings, this.#decoded());
    if (status >= 300) {
      this.#state = 'error-answer';
      this.#errorStatus = status;
      this.#errorHeaders = headers;
      // The status is known; what cannot be read says nothing.
      if (coding.kind === 'unknown') this.#giveUp({ kind: 'connection-lost', reason: 'unknown-encoding' });
      return;
    }
    this.#state = 'answer';
    this.#watch.stop();
    const remaining = Math.max(1, this.#firstByteDeadline - performance.now());
    this.#body = new PushBody(this, this.call.backend.timeouts, remaining, () => this.#close());
    const redact = this.#redact;
    this.resolve({ kind: 'answer', status, headers: upstreamHeaders(headers, redact), body: this.#body, redact });
    if (coding.kind === 'unknown') this.#breakBody('unknown-encoding');
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#decoder === undefined) this.#take(chunk);
    else {
      this.#body?.sawBytes();
      if (!this.#decoder.write(chunk)) controller.pause();
    }
  }

  onResponseEnd(): void {
    if (this.#decoder === undefined) this.#finish();
    else this.#decoder.end();
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
        this.#lost = { kind: 'connection-lost', reason };
        if (this.#decoder === undefined) this.#finish();
        else this.#decoder.end();
        break;
      case 'over':
        break;
    }
  }

  pause(): void {
    if (this.#decoder === undefined) this.#controller?.pause();
    else this.#decoder.pause();
  }

  resume(): void {
    if (this.#decoder === undefined) this.#controller?.resume();
    else this.#decoder.resume();
  }

  abort(): void {
    this.#decoder?.destroy();
    this.#controller?.abort(new GivenUpError());
  }

  /** A piece of the body, as it was before it was coded. */
  #take(chunk: Buffer): void {
    if (this.#state === 'answer') this.#body?.push(this.#scrubber?.push(chunk) ?? chunk);
    else if (this.#state === 'error-answer') this.#keepError(chunk);
  }

  /** No more of it comes. */
  #finish(): void {
    const held = this.#state === 'answer' ? this.#scrubber?.end() : undefined;
    if (held !== undefined) this.#body?.push(held);
    if (this.#state === 'error-answer') this.#answerError();
    else if (this.#state === 'answer' && this.#lost === undefined) this.#body?.finish();
    else if (this.#lost !== undefined) this.#body?.fail(this.#lost);
  }

  #decoded(): DecodedSink {
    return {
      onData: (chunk) => this.#take(chunk),
      onEnd: () => this.#finish(),
      onBroken: (reason) => this.#breakBody(reason),
      onDrain: () => this.#controller?.resume(),
    };
  }

  /** It cannot be read, or no further; of an error the status is known all the same. */
  #breakBody(reason: GarbageReason): void {
    if (this.#state === 'error-answer') this.#answerError();
    else if (this.#state === 'answer') this.#body?.fail(this.#lost ?? { kind: 'garbage', reason });
    this.abort();
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
      headers: upstreamHeaders(this.#errorHeaders, this.#redact),
      redact: this.#redact,
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
