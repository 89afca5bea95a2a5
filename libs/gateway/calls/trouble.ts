import {
  classifyTrouble,
  statusOfError,
  type TroubleRow,
  type UpstreamTrouble,
  unbilledErrorsOf,
} from '#inference/backends';
import { assertNever, type TokenUsage } from '#kernel';
import type { AdmittedCall } from './admitted-call';
import type { Recorded } from './call-record';
import type { MeteredRequest } from './dialect';

const CODE_CHARACTERS_MAX = 64;

/** Views split calls by these words, so they are made of what a code may hold. */
function codeOf(...parts: readonly (string | undefined)[]): string {
  const known = parts.filter((part) => part !== undefined && part !== '');
  return known
    .join(':')
    .replaceAll(/[^A-Za-z0-9_.:-]+/g, '-')
    .slice(0, CODE_CHARACTERS_MAX);
}

/** What went wrong, for the record. A backend's message may quote the prompt, so only its code is kept. */
export function describeTrouble(trouble: UpstreamTrouble): string {
  switch (trouble.kind) {
    case 'status':
      return codeOf(`status-${trouble.status}`, trouble.error.code ?? trouble.error.type);
    case 'backend-error':
      return codeOf('backend-error', trouble.error.code ?? trouble.error.type);
    case 'not-started':
      return trouble.reason;
    case 'garbage':
    case 'connect-failed':
    case 'connection-lost':
    case 'stale-connection':
      return codeOf(trouble.kind, trouble.reason);
    default:
      return trouble.kind;
  }
}

function record<R extends MeteredRequest>(
  call: AdmittedCall<R>,
  row: TroubleRow,
  trouble: UpstreamTrouble,
  counted: TokenUsage | undefined,
): Promise<Recorded> {
  const reason = describeTrouble(trouble);
  switch (row.record) {
    case 'released':
      return call.record.release(reason, call.wasSent);
    case 'failed-unbilled':
      return call.record.fail(reason, 'never');
    case 'failed-unresolved':
      return call.record.fail(reason, 'unknown', counted ?? call.leastUsage());
    case 'unresolved':
      return call.record.abandon(reason, counted ?? call.leastUsage());
    default:
      return assertNever(row.record);
  }
}

/** Ends a call that went wrong by its row of the table of outcomes: first the record, then the answer. */
export async function endInTrouble<R extends MeteredRequest>(
  call: AdmittedCall<R>,
  trouble: UpstreamTrouble,
  counted?: TokenUsage,
): Promise<void> {
  const row = classifyTrouble(trouble, unbilledErrorsOf(call.backend));
  call.outcome = row.record;
  if (row.record === 'failed-unresolved' || row.record === 'unresolved') await call.keeper.keepLoss();
  const recorded = await record(call, row, trouble, counted);
  call.answerRecorded(recorded, row.code, {
    shouldRetry: row.shouldRetry,
    ...(row.status === undefined ? {} : { status: row.status }),
    ...(row.retryAfterMs === undefined ? {} : { retryAfterMs: row.retryAfterMs }),
    ...(row.backendCode === undefined ? {} : { backendCode: row.backendCode }),
    ...(row.message === undefined ? {} : { message: row.message }),
  });
}

/** Failures that say something about the backend, not about the request, the client or a connection. */
export function isBackendsFault(trouble: UpstreamTrouble): boolean {
  switch (trouble.kind) {
    case 'status':
      return trouble.status >= 500;
    case 'backend-error':
      return statusOfError(trouble.error) >= 500;
    case 'aborted':
    case 'not-started':
    case 'stale-connection':
      return false;
    default:
      return true;
  }
}

/** An answer that broke after it had begun says something about its backend, too; and its attempt has failed after all. */
export function noteBrokenAnswer<R extends MeteredRequest>(call: AdmittedCall<R>, trouble: UpstreamTrouble): void {
  const failure = describeTrouble(trouble);
  if (isBackendsFault(trouble)) call.deps.router.failed(call.place, failure);
  if (trouble.kind === 'backend-error') call.record.attemptFailed(failure);
}

export function endBrokenAnswer<R extends MeteredRequest>(
  call: AdmittedCall<R>,
  trouble: UpstreamTrouble,
  counted?: TokenUsage,
): Promise<void> {
  noteBrokenAnswer(call, trouble);
  return endInTrouble(call, trouble, counted);
}

/** Whether a call goes on with another attempt after this, which nobody has been billed for. */
export type MayGoOn = (trouble: UpstreamTrouble) => boolean;
