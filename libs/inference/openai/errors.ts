import { foreignText } from '#kernel';
import { ERROR_CODES, type ErrorCode } from './error-codes';

export { ERROR_CODES, type ErrorCode, type ErrorType, type RequestRefusalCode } from './error-codes';

export interface ErrorOptions {
  /** A sentence that says what to do; the code's own when absent. */
  readonly message?: string;
  /** The field at fault. */
  readonly param?: string | null;
  readonly requestId: string;
  /** Facts for programs, in snake_case and already fit for JSON: money and 64-bit integers as decimal strings. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** For what time cures: how long to wait. Clamped to 1 to 60 s. */
  readonly retryAfterMs?: number;
  /** Overrides the code's own answer to whether a retry helps. */
  readonly shouldRetry?: boolean;
  /** In place of the code's own: a backend's, where clients know better what to do with that one. */
  readonly status?: 500 | 503 | 529;
  /** Shown as `code` in place of ours: the backend's own, where clients know it (`classifyFailure` decides). */
  readonly backendCode?: string;
}

export interface ErrorBody {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly code: string;
    readonly param: string | null;
    readonly request_id: string;
    readonly details?: Readonly<Record<string, unknown>>;
  };
}

export interface ErrorAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON text of an ErrorBody. */
  readonly body: string;
}

/** Clients take a longer wait than this, or none, as a reason to use a schedule of their own. */
const RETRY_AFTER_MS_MAX = 60_000;
const RETRY_AFTER_MS_DEFAULT = 1_000;

/** As long as the longest that is kept of a backend's own. */
const MESSAGE_BYTES_MAX = 4_096;
const PARAM_BYTES_MAX = 256;

/**
 * A message as it may be shown. It may name what the client sent, or what a backend said about it: however long that is,
 * it costs no more than its beginning, and a secret in it is left out.
 */
export function shownMessage(message: string): string {
  return foreignText(message, MESSAGE_BYTES_MAX);
}

/** The name of the field at fault as it may be shown: as bounded and as free of secrets as the message. */
export function shownParam(param: string | null | undefined): string | null {
  return param == null ? null : foreignText(param, PARAM_BYTES_MAX);
}

function waitOf(code: ErrorCode, options: ErrorOptions): number | undefined {
  const entry = ERROR_CODES[code];
  // Every 429 says when to come back; so does whatever else its caller can tell.
  if (options.retryAfterMs === undefined && entry.status !== 429) return undefined;
  const wanted = Math.ceil(options.retryAfterMs ?? RETRY_AFTER_MS_DEFAULT);
  return Math.min(Math.max(wanted, 1), RETRY_AFTER_MS_MAX);
}

function secondsOf(waitMs: number): number {
  return Math.max(1, Math.ceil(waitMs / 1000));
}

/** The body of an error as OpenAI's clients read it, also used as the error frame of a stream. */
export function errorBody(code: ErrorCode, options: ErrorOptions): ErrorBody {
  const entry = ERROR_CODES[code];
  const waitMs = waitOf(code, options);
  const message = shownMessage(options.message ?? entry.message);
  return {
    error: {
      message: waitMs === undefined ? message : `${message} Please try again in ${secondsOf(waitMs)}s.`,
      type: entry.type,
      code: options.backendCode ?? code,
      param: shownParam(options.param),
      request_id: options.requestId,
      ...(options.details === undefined ? {} : { details: options.details }),
    },
  };
}

/** The whole answer of a failure on `/v1`: every failure there has this shape. */
export function errorAnswer(code: ErrorCode, options: ErrorOptions): ErrorAnswer {
  const entry = ERROR_CODES[code];
  const waitMs = waitOf(code, options);
  return {
    status: options.status ?? entry.status,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'x-request-id': options.requestId,
      'x-should-retry': String(options.shouldRetry ?? entry.retryable),
      ...(waitMs === undefined ? {} : { 'retry-after': String(secondsOf(waitMs)), 'retry-after-ms': String(waitMs) }),
    },
    body: JSON.stringify(errorBody(code, options)),
  };
}
