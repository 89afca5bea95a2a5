import { assertNever } from '#kernel';
import type { ErrorCode } from '../openai/errors';
import { statusOfError } from './error-status';
import type { BodyFailure, OpenFailure } from './port';
import type { BackendError, GarbageReason } from './trouble';
import type { UnbilledErrors } from './unbilled-errors';

/** Everything that can go wrong between a dispatched call and its complete answer. */
export type UpstreamTrouble =
  | OpenFailure
  | BodyFailure
  /** An answer other than 2xx, before the first byte of output. */
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly error: BackendError;
      readonly retryAfterMs?: number;
    }
  /** A 2xx that carried an error instead of an answer, or an error frame. */
  | {
      readonly kind: 'backend-error';
      readonly error: BackendError;
      /** Nothing had been generated, as far as can be seen. */
      readonly beforeOutput?: boolean;
      readonly retryAfterMs?: number;
    }
  | { readonly kind: 'garbage'; readonly reason: GarbageReason }
  /** A stream that ended without a finish. */
  | { readonly kind: 'cut' };

/** How the ledger ends the call. */
export type TroubleRecord =
  /** Proven unbilled: the whole hold is given back. */
  | 'released'
  /** It failed and is known to cost nothing. */
  | 'failed-unbilled'
  /** It failed, and whether it is billed nobody knows: the ceiling counts until someone resolves it. */
  | 'failed-unresolved'
  /** It may have run: the ceiling counts until someone resolves it. */
  | 'unresolved';

/** One row of the table of outcomes. */
export interface TroubleRow {
  readonly record: TroubleRecord;
  /** What the client is told, with `errorAnswer` or, after the first frame, `errorFrame`. */
  readonly code: ErrorCode;
  readonly shouldRetry: boolean;
  /** Another backend may be tried under the same hold: proven unbilled, and not the request's own fault. */
  readonly mayFailOver: boolean;
  readonly retryAfterMs?: number;
  /** The backend's own status, where clients know it better than the code's. */
  readonly status?: OverloadStatus;
  /** The backend's own code and message, where they help the client and give nothing away. */
  readonly backendCode?: string;
  readonly message?: string;
}

/** With these a backend says that it could not serve the request now, and clients of its kind know what to do then. */
const OVERLOAD_STATUSES = [500, 503, 529] as const;
export type OverloadStatus = (typeof OVERLOAD_STATUSES)[number];

type RowCore = Pick<TroubleRow, 'record' | 'code' | 'shouldRetry' | 'mayFailOver'>;

const UNREACHABLE: RowCore = {
  record: 'released',
  code: 'backend_unavailable',
  shouldRetry: true,
  mayFailOver: true,
};
const MISCONFIGURED: RowCore = {
  record: 'released',
  code: 'backend_misconfigured',
  shouldRetry: false,
  mayFailOver: true,
};
const REJECTED: RowCore = {
  record: 'released',
  code: 'backend_rejected_request',
  shouldRetry: false,
  mayFailOver: false,
};

function unresolved(code: ErrorCode): RowCore {
  return { record: 'unresolved', code, shouldRetry: false, mayFailOver: false };
}

const CLIENT_CODE = /^[a-z][a-z0-9_]{0,63}$/;

/**
 * Codes and types of a 400 that is about the platform's account, credential or configuration. What a backend says in
 * words is not judged: a client's own mistake may well mention a bill.
 */
const ABOUT_PLATFORM: ReadonlySet<string> = new Set([
  'account_deactivated',
  'authentication_error',
  'billing_error',
  'billing_hard_limit_reached',
  'billing_not_active',
  'insufficient_quota',
  'invalid_api_key',
  'invalid_organization',
  'invalid_project',
  'model_not_found',
  'not_found_error',
  'permission_error',
]);

function isAboutPlatform({ code, type }: BackendError): boolean {
  return [code, type].some((word) => word !== undefined && ABOUT_PLATFORM.has(word.toLowerCase()));
}

/** A rejection is the client's to understand, so the backend's own words pass. */
function rejected(error: BackendError): TroubleRow {
  if (isAboutPlatform(error)) return MISCONFIGURED;
  const code = error.code;
  return {
    ...REJECTED,
    ...(code !== undefined && CLIENT_CODE.test(code) ? { backendCode: code } : {}),
    ...(error.message === undefined ? {} : { message: error.message }),
  };
}

/** Before any output a backend's own failure. Those that clients of its kind know keep their status. */
function ofServerError(status: number, isUnbilled: boolean, wait: Pick<TroubleRow, 'retryAfterMs'>): TroubleRow {
  const overload = OVERLOAD_STATUSES.find((one) => one === status);
  if (!isUnbilled)
    return { record: 'failed-unresolved', code: 'backend_failed', shouldRetry: false, mayFailOver: false };
  if (overload === undefined)
    return { record: 'failed-unbilled', code: 'backend_failed', shouldRetry: true, mayFailOver: true };
  return {
    record: 'released',
    code: overload === 500 ? 'backend_failed' : 'backend_overloaded',
    shouldRetry: true,
    mayFailOver: true,
    status: overload,
    ...wait,
  };
}

function waitOf({ retryAfterMs }: Pick<TroubleRow, 'retryAfterMs'>): Pick<TroubleRow, 'retryAfterMs'> {
  return retryAfterMs === undefined ? {} : { retryAfterMs };
}

/** Which answers with a 5xx are proven unbilled. */
function isUnbilledStatus(status: number, unbilled: UnbilledErrors): boolean {
  if (unbilled === 'none') return false;
  return unbilled === 'server-errors' || OVERLOAD_STATUSES.some((one) => one === status);
}

function ofStatus(
  status: number,
  error: BackendError,
  isUnbilled: boolean,
  wait: ReturnType<typeof waitOf>,
): TroubleRow {
  switch (status) {
    case 400:
    case 409:
    case 415:
    case 422:
      return rejected(error);
    case 413:
      return { ...REJECTED, code: 'request_too_large' };
    case 408:
      // The backend gave up on reading the request.
      return UNREACHABLE;
    case 429:
      return {
        record: 'released',
        code: 'backend_rate_limited',
        shouldRetry: true,
        mayFailOver: true,
        ...wait,
      };
    default:
      if (status >= 500) return ofServerError(status, isUnbilled, wait);
      // 401, 402, 403, an unknown model or path, a redirect: wrong credentials or a wrong address.
      return MISCONFIGURED;
  }
}

/**
 * An error inside of a 200. Where nothing was generated it is the answer that it would have been with a status of its
 * own, and where such errors are known to cost nothing.
 */
function ofErrorInside(
  { error, beforeOutput = false, retryAfterMs }: Extract<UpstreamTrouble, { kind: 'backend-error' }>,
  unbilled: UnbilledErrors,
): TroubleRow {
  if (!beforeOutput || unbilled === 'none') return unresolved('backend_failed');
  return ofStatus(
    statusOfError(error),
    error,
    true,
    waitOf({ ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }),
  );
}

/**
 * The row for a trouble. A pure table: what is proven unbilled is released, everything else that may have run stays
 * unresolved at the ceiling, and a client is told to retry only what cost nothing.
 */
export function classifyTrouble(trouble: UpstreamTrouble, unbilled: UnbilledErrors): TroubleRow {
  switch (trouble.kind) {
    case 'connect-failed':
      return UNREACHABLE;
    case 'stale-connection':
      return unbilled === 'none' ? unresolved('backend_interrupted') : UNREACHABLE;
    case 'status':
      return ofStatus(trouble.status, trouble.error, isUnbilledStatus(trouble.status, unbilled), waitOf(trouble));
    case 'not-started':
      return {
        record: 'released',
        code: 'ledger_unavailable',
        shouldRetry: true,
        mayFailOver: false,
        retryAfterMs: 1_000,
      };
    case 'aborted':
      if ('dispatched' in trouble && !trouble.dispatched) return UNREACHABLE;
      return unresolved('backend_interrupted');
    case 'first-byte-timeout':
    case 'idle-timeout':
      return unresolved('backend_timeout');
    case 'connection-lost':
    case 'cut':
      return unresolved('backend_interrupted');
    case 'backend-error':
      return ofErrorInside(trouble, unbilled);
    case 'garbage':
      return unresolved('backend_invalid_answer');
    case 'reader-failed':
      return unresolved('internal_error');
    default:
      return assertNever(trouble);
  }
}
