import type { Backend } from '../catalogue/types';
import type { JsonDocument, JsonObject } from '../json';
import type { Redact } from './secret-redaction';
import type { GarbageReason } from './trouble';

/** What is asked of a backend; each kind knows the path or the model that serves it. */
export type UpstreamOperation = 'chat' | 'completion' | 'embedding';

export interface UpstreamCall {
  readonly backend: Backend;
  readonly operation: UpstreamOperation;
  /** What the model can read at most; a backend that knows it by itself looks at its own. */
  readonly contextTokens?: number;
  /** Made by a dialect's `build-upstream`; written by the adapter. */
  readonly body: JsonObject;
  /** The client's own body: what is the same in both goes out as it came in. */
  readonly source?: JsonDocument;
  /** For backends that speak Anthropic's dialect: what of the client's own headers goes with the call. */
  readonly anthropic?: { readonly version?: string; readonly betas: readonly string[] };
  /** W3C trace context to pass on. */
  readonly traceparent?: string;
  /** Aborting it ends the call at any moment: `open` then answers `aborted`, an open body fails with `aborted`. */
  readonly signal: AbortSignal;
  /**
   * Asked at the last moment before the request is written, which may be long after `open`: a connection has to be
   * made first, and a process may be paused meanwhile. A reason gives the call up as `not-started`.
   */
  readonly whyNotStart: () => NotStartedReason | undefined;
  /** Over a connection of its own: one that was kept alive has just proven stale. */
  readonly freshConnection?: boolean;
}

/** Why an authorized call may no longer be sent. */
export type NotStartedReason =
  /** Other gateways may take this one for dead and may have ended the call. */
  | 'lease-lost'
  /** Its authorization is too old. */
  | 'dispatch-window-passed';

/** The few headers of an answer that mean anything to the platform; no other ever passes. */
export interface UpstreamHeaders {
  /** The backend's own request id, shown as `X-Upstream-Request-Id`. */
  readonly requestId?: string;
  readonly contentType?: string;
  /** What the backend asks to wait, from `retry-after-ms` or `retry-after`. */
  readonly retryAfterMs?: number;
}

/** Why a call came to nothing before its answer began. */
export type OpenFailure =
  /** No connection: the request was never written, so it is proven unbilled. `reason` is for logs only. */
  | { readonly kind: 'connect-failed'; readonly reason: string }
  /**
   * A connection that had served other calls was closed at once when this one was written to it, without a byte of an
   * answer: the backend had closed it before, or was about to.
   */
  | { readonly kind: 'stale-connection'; readonly reason: string }
  /** The caller no longer allowed it when it was to be written. */
  | { readonly kind: 'not-started'; readonly reason: NotStartedReason }
  /** The request was written, and then the connection broke without an answer. */
  | { readonly kind: 'connection-lost'; readonly reason: string }
  | { readonly kind: 'first-byte-timeout' }
  /** By the caller's signal. `dispatched`: whether the request may have been written. */
  | { readonly kind: 'aborted'; readonly dispatched: boolean };

/** Why a body ended early. */
export type BodyFailure =
  | { readonly kind: 'connection-lost'; readonly reason: string }
  /** Headers came, but no byte of the body in time. */
  | { readonly kind: 'first-byte-timeout' }
  | { readonly kind: 'idle-timeout' }
  | { readonly kind: 'aborted' }
  /** Its content coding cannot be taken off, or it became too large on the way. */
  | { readonly kind: 'garbage'; readonly reason: GarbageReason }
  /** Our own sink threw: a bug, whose error goes to the log. */
  | { readonly kind: 'reader-failed'; readonly error: unknown };

/** Receives a body. After `onEnd` or `onFailure` nothing more is called. */
export interface BodySink {
  /** Answers false to have no more until `resume()`. A throw aborts the call and reaches `onFailure`. */
  onChunk(chunk: Uint8Array): boolean;
  onEnd(): void;
  onFailure(failure: BodyFailure): void;
}

/**
 * The body of an answer. Chunks are pushed, because an async iterator costs several microseconds per chunk. The idle
 * timeout runs only while the reader takes chunks: a slow client is not a dead backend.
 */
export interface UpstreamBody {
  /** Starts the flow; called exactly once. What came before waits in memory, at most `BODY_WAITING_BYTES_MAX`. */
  pipe(sink: BodySink): void;
  resume(): void;
  /** Gives the answer up and closes its connection; the sink hears nothing more. */
  discard(): void;
  /**
   * The reader has all it needs: the sink hears nothing more, and the little that is still to come is dropped, so that
   * the connection serves the next call. More than LEFTOVER_BYTES_MAX or LEFTOVER_MS_MAX closes it.
   */
  release(): void;
}

export type UpstreamResponse =
  /** A 2xx. Its body is yet to come: pipe or discard it. */
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers: UpstreamHeaders;
      readonly body: UpstreamBody;
      /** For what the backend says beside its output: its errors and reasons may repeat the credential that was sent. */
      readonly redact?: Redact;
    }
  /** Any other status, with the beginning of its body (at most `ERROR_BODY_BYTES_MAX`). */
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly headers: UpstreamHeaders;
      readonly body: string;
      readonly redact?: Redact;
    }
  | { readonly kind: 'failure'; readonly failure: OpenFailure };

/** What a released body may still bring: the end of its encoding, and a comment perhaps. */
export const LEFTOVER_BYTES_MAX = 16 * 1024;
export const LEFTOVER_MS_MAX = 1_000;

/**
 * A connection that its server has closed in silence answers a request within a round trip, with a reset. A later one
 * says that the request was being worked on.
 */
export const STALE_AFTER_MS_MAX = 1_000;

/** How much of an error answer is read. */
export const ERROR_BODY_BYTES_MAX = 64 * 1024;

/**
 * One backend kind. Used as: authorize in the ledger, `open`, classify what came (`classifyFailure`), or pipe the body
 * through the dialect's relay and settle.
 */
export interface BackendClient {
  /**
   * Sends the call and resolves with its status and headers. Expected trouble is a value; it rejects only for a bug.
   * The timeouts are the backend's: `connectMs` until the request is written, `firstByteMs` until the first byte of the
   * body, `idleMs` between chunks.
   */
  open(call: UpstreamCall): Promise<UpstreamResponse>;
  /** Closes idle connections and refuses new calls; open ones end first. */
  close(): Promise<void>;
}
