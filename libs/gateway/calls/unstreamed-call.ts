import { readBody, type UpstreamResponse } from '#inference/backends';
import type { AdmittedCall } from './admitted-call';
import type { MeteredRequest } from './dialect';
import { endBrokenAnswer } from './trouble';

/** By a model that reasons invisibly: what was seen says nothing about the cost. */
const UNREPORTED = 'usage-not-reported';

/**
 * Reads, settles, then answers; in this order, so that no answer leaves without its record. The whole answer is kept
 * until then, whatever its size up to the limit.
 */
export async function finishUnstreamed<R extends MeteredRequest>(
  call: AdmittedCall<R>,
  answer: Extract<UpstreamResponse, { kind: 'answer' }>,
): Promise<void> {
  const { dialect, request, record, connection } = call;
  const whole = await readBody(answer.body, call.deps.settings.answerBytesMax);
  record.sawFirstByte();
  if (whole.kind === 'too-large') return endBrokenAnswer(call, { kind: 'garbage', reason: 'answer-too-large' });
  if (whole.kind === 'failure') {
    if (whole.failure.kind === 'aborted' && connection.isGone) return leftByClient(call);
    return endBrokenAnswer(call, whole.failure);
  }
  const reading = dialect.readAnswer(request, whole.text, call.context, call.bounds);
  if (reading.kind !== 'complete') {
    const metered = reading.kind === 'garbage' ? reading.metered : undefined;
    return endBrokenAnswer(call, reading, metered && call.metering(metered.usage, metered.seen).usage);
  }
  call.deps.router.succeeded(call.backend.id);
  const { usage, certainty } = call.metering(reading.usage, reading.seen);
  const isUncountable = certainty === 'counted' && call.isUncountable(reading.seen);
  const text = reading.render(usage, call.chargeFor(usage));
  const contentType = 'application/json; charset=utf-8';
  // A repeat must find the answer from the moment at which the ledger says that there is one.
  await call.keeper.keep({
    status: 200,
    headers: { 'content-type': contentType },
    text,
    usage: { ...usage },
    certainty,
  });
  const { finishReason } = reading;
  const recorded = isUncountable
    ? await record.abandon(UNREPORTED, usage)
    : await record.complete({
        usage,
        certainty,
        outcome: 'complete',
        ...(finishReason === undefined ? {} : { finishReason }),
      });
  call.outcome = isUncountable ? 'unresolved' : 'complete';
  if (recorded.kind === 'unavailable') {
    call.answerError('record_unavailable');
    return;
  }
  call.took(usage, recorded);
  connection.answer(200, call.headers(answer.headers.requestId, contentType), text);
  if (!isUncountable) await call.keeper.settled();
}

/** Nobody can count an unstreamed answer that was not read. */
async function leftByClient<R extends MeteredRequest>(call: AdmittedCall<R>): Promise<void> {
  call.outcome = 'client-gone';
  call.status = 499;
  // A keyed call ends here only by the limit of its time: its key must not be taken for free.
  await call.keeper.keepLoss();
  await call.record.abandon('client-left');
}
