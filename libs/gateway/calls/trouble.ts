import { classifyTrouble, type TroubleRow, type UpstreamTrouble } from '#inference/backends';
import { assertNever, foreignText, type TokenUsage } from '#kernel';
import type { AdmittedCall } from './admitted-call';
import type { Recorded } from './call-record';
import type { MeteredRequest } from './dialect';

/** What went wrong, for the record; the backend's own words are foreign text. */
export function describeTrouble(trouble: UpstreamTrouble): string {
  switch (trouble.kind) {
    case 'status':
      return foreignText(`status ${trouble.status}: ${trouble.error.message ?? trouble.error.code ?? ''}`);
    case 'backend-error':
      return foreignText(`error: ${trouble.error.message ?? trouble.error.code ?? ''}`);
    case 'garbage':
      return `garbage: ${trouble.reason}`;
    case 'connect-failed':
    case 'connection-lost':
      return foreignText(`${trouble.kind}: ${trouble.reason}`);
    default:
      return trouble.kind;
  }
}

function record<R extends MeteredRequest>(
  call: AdmittedCall<R>,
  row: TroubleRow,
  reason: string,
  counted: TokenUsage | undefined,
): Promise<Recorded> {
  switch (row.record) {
    case 'released':
      return call.record.release(reason, true);
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
  if (row.record === 'failed-unresolved' || row.record === 'unresolved') await call.keyed?.keepLoss();
  const recorded = await record(call, row, describeTrouble(trouble), counted);
  call.answerRecorded(recorded, row.code, {
    shouldRetry: row.shouldRetry,
    ...(row.retryAfterMs === undefined ? {} : { retryAfterMs: row.retryAfterMs }),
    ...(row.backendCode === undefined ? {} : { backendCode: row.backendCode }),
    ...(row.message === undefined ? {} : { message: row.message }),
  });
}
