import {
  type BodyFailure,
  type BodyText,
  type Redact,
  readBody,
  redactedError,
  type UpstreamResponse,
  type UpstreamTrouble,
} from '#inference/backends';
import type { AdmittedCall } from './admitted-call';
import type { AnswerReading, MeteredRequest } from './dialect';
import { endUncounted, givenUpBy } from './given-up';
import { endBrokenAnswer, type MayGoOn, noteBrokenAnswer } from './trouble';

type Answer = Extract<UpstreamResponse, { kind: 'answer' }>;
type BrokenReading = Exclude<AnswerReading, { kind: 'complete' }> | (BodyFailure & { readonly metered?: undefined });

/** By a model that reasons invisibly: what was seen says nothing about the cost. */
const UNREPORTED = 'usage-not-reported';

/**
 * Reads, settles, then answers; in this order, so that no answer leaves without its record. The whole answer is kept
 * until then, whatever its size up to the limit.
 * @returns its trouble when the call is to go on with another attempt; otherwise it has ended.
 */
export async function finishUnstreamed<R extends MeteredRequest>(
  call: AdmittedCall<R>,
  answer: Answer,
  mayGoOn: MayGoOn,
): Promise<UpstreamTrouble | undefined> {
  const { dialect, request, record } = call;
  const whole = await readBody(answer.body, call.deps.settings.answerBytesMax);
  const by = whole.kind === 'failure' && whole.failure.kind === 'aborted' ? givenUpBy(call) : undefined;
  if (by !== undefined) {
    record.sawFirstByte();
    await endUncounted(call, by);
    return undefined;
  }
  const reading =
    whole.kind === 'text' ? dialect.readAnswer(request, whole.text, call.context, call.bounds) : brokenBody(whole);
  if (reading.kind === 'complete') {
    record.sawFirstByte();
    await settle(call, answer, reading);
    return undefined;
  }
  const trouble = troubleOf(reading, answer, call.redact);
  if (mayGoOn(trouble)) {
    noteBrokenAnswer(call, trouble);
    return trouble;
  }
  record.sawFirstByte();
  const metered = reading.kind === 'garbage' ? reading.metered : undefined;
  await endBrokenAnswer(call, trouble, metered && call.metering(metered.usage, metered.seen).usage);
  return undefined;
}

function brokenBody(whole: Exclude<BodyText, { kind: 'text' }>): BrokenReading {
  return whole.kind === 'too-large' ? { kind: 'garbage', reason: 'answer-too-large' } : whole.failure;
}

/** An error in place of an answer: nothing was generated. */
function troubleOf(reading: BrokenReading, { headers: { retryAfterMs } }: Answer, redact: Redact): UpstreamTrouble {
  if (reading.kind !== 'backend-error') return reading;
  const error = redactedError(reading.error, redact);
  return { kind: 'backend-error', error, beforeOutput: true, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

async function settle<R extends MeteredRequest>(
  call: AdmittedCall<R>,
  answer: Answer,
  reading: Extract<AnswerReading, { kind: 'complete' }>,
): Promise<void> {
  const { record, connection } = call;
  call.deps.router.succeeded(call.place);
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
        ...(finishReason === undefined ? {} : { finishReason: call.redact(finishReason) }),
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
