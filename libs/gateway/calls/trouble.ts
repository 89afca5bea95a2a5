import { classifyTrouble, type TroubleRow, type UpstreamTrouble } from '#inference/backends';
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
      return call.record.fail(reason, 'unknown');
    case 'unresolved':
      return call.record.abandon(reason, counted);
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
  const row = classifyTrouble(trouble, call.backend.unbilledServerErrors);
  call.outcome = row.record;
  if (row.record === 'failed-unresolved' || row.record === 'unresolved') await call.keeper.keepLoss();
  const recorded = await record(call, row, trouble, counted);
  call.answerRecorded(recorded, row.code, {
    shouldRetry: row.shouldRetry,
    ...(row.retryAfterMs === undefined ? {} : { retryAfterMs: row.retryAfterMs }),
    ...(row.backendCode === undefined ? {} : { backendCode: row.backendCode }),
    ...(row.message === undefined ? {} : { message: row.message }),
  });
}

/** An answer that broke after it had begun says something about its backend, too. */
export function endBrokenAnswer<R extends MeteredRequest>(
  call: AdmittedCall<R>,
  trouble: UpstreamTrouble,
  counted?: TokenUsage,
): Promise<void> {
  call.deps.router.failed(call.backend.id, describeTrouble(trouble));
  return endInTrouble(call, trouble, counted);
}
