import { assertNever } from '#kernel';
import type { ErrorCode } from '../openai/errors';
import type { BodyFailure, OpenFailure } from './port';
import type { BackendError, GarbageReason } from './trouble';

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
  | { readonly kind: 'backend-error'; readonly error: BackendError }
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
  /** The backend's own code and message, where they help the client and give nothing away. */
  readonly backendCode?: string;
  readonly message?: string;
}

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
/** Words that make clients stop retrying for ever, or that tell them about the platform's own account. */
const UNFIT_FOR_CLIENTS = /will reset at|billing|quota|api[ _-]?key|credential|organization/i;

/** Whether what a 400 says is about the platform's account or configuration instead of the client's request. */
function isAboutPlatform(error: BackendError): boolean {
  const code = error.code ?? '';
  if (code === 'model_not_found' || code === 'invalid_api_key') return true;
  return error.message !== undefined && UNFIT_FOR_CLIENTS.test(error.message);
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

function ofServerError(isUnbilled: boolean): TroubleRow {
  return {
    record: isUnbilled ? 'failed-unbilled' : 'failed-unresolved',
    code: 'backend_failed',
    shouldRetry: isUnbilled,
    mayFailOver: isUnbilled,
  };
}

function ofStatus(trouble: Extract<UpstreamTrouble, { kind: 'status' }>, isUnbilled: boolean): TroubleRow {
  const { status, error, retryAfterMs } = trouble;
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
        ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      };
    default:
      if (status >= 500) return ofServerError(isUnbilled);
      // 401, 402, 403, an unknown model or path, a redirect: wrong credentials or a wrong address.
      return MISCONFIGURED;
  }
}

/**
 * The row for a trouble. A pure table: what is proven unbilled is released, everything else that may have run stays
 * unresolved at the ceiling, and a client is told to retry only what cost nothing.
 * @param isUnbilled the backend's `unbilledServerErrors`.
 */
export function classifyTrouble(trouble: UpstreamTrouble, isUnbilled: boolean): TroubleRow {
  switch (trouble.kind) {
    case 'connect-failed':
      return UNREACHABLE;
    case 'status':
      return ofStatus(trouble, isUnbilled);
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
      return unresolved('backend_failed');
    case 'garbage':
      return unresolved('backend_invalid_answer');
    case 'reader-failed':
      return unresolved('internal_error');
    default:
      return assertNever(trouble);
  }
}
