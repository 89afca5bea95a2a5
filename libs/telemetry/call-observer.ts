import type { CallReport } from '#gateway';
import type { Clock } from '#kernel';
import { BoundedLines } from './bounded-lines';
import type { Logger } from './logger';
import { boundedLabel, type Metrics } from './metrics';

const NANO_PER_USD = 1e9;

function usdNumber(nano: bigint | undefined): number {
  // A metric is a float by nature; the record has the exact amount.
  return Number(nano ?? 0n) / NANO_PER_USD;
}

/** Ids only: a caller also carries what its client sent, such as an Idempotency-Key. */
function identityOf({ orgId, projectId, keyId, requestId, clientRequestId }: CallReport['caller']) {
  return { orgId, projectId, keyId, requestId, ...(clientRequestId === undefined ? {} : { clientRequestId }) };
}

/** Lines about calls that nobody paid for: enough to see what happens, too few to fill a disk. */
const WINDOW_MS = 10_000;
const LINES_PER_KEY_MAX = 100;
const LINES_MAX = 1_000;

/** Outcomes of calls that their sender may have as many of as requests get through. */
const UNPAID: ReadonlySet<string> = new Set(['refused', 'replayed']);

/** One structured log line and a handful of metrics per call. */
export function observeCalls(logger: Logger, metrics: Metrics, clock: Pick<Clock, 'monotonicMs'>) {
  const modelLabel = boundedLabel();
  const unpaidLines = new BoundedLines({
    windowMs: WINDOW_MS,
    linesPerSubjectMax: LINES_PER_KEY_MAX,
    linesMax: LINES_MAX,
    clock,
    report: ({ lines, subjects: keys, most: byKey }) =>
      logger.warn({ lines, keys, byKey }, 'lines about refused or repeated calls were left out'),
  });
  // Every field of a call's line is named here and none can hold a secret. Looking for some costs more than all the rest
  // of writing the line, so only lines with foreign fields are censored.
  const calls = logger.child({}, { redact: [] });
  return {
    ended(call: CallReport): void {
      const { caller, chargedNanoUsd, excessNanoUsd, ...facts } = call;
      if (!UNPAID.has(call.outcome) || unpaidLines.admits(caller.keyId))
        calls.info(
          {
            ...identityOf(caller),
            ...facts,
            ...(chargedNanoUsd === undefined ? {} : { chargedNanoUsd: chargedNanoUsd.toString() }),
            ...(excessNanoUsd === undefined || excessNanoUsd === 0n ? {} : { excessNanoUsd: excessNanoUsd.toString() }),
          },
          'call',
        );
      // A refused call names any model it likes: only models that exist become labels.
      const model = call.backend === undefined ? 'refused' : modelLabel(call.model);
      const labels = { gen_ai_operation_name: call.endpoint, gen_ai_request_model: model };
      metrics.calls.inc({ endpoint: call.endpoint, outcome: call.outcome, code: call.code ?? 'none' });
      metrics.requestDuration.observe({ ...labels, outcome: call.outcome }, call.latencyMs / 1_000);
      if (call.firstByteMs !== undefined) metrics.timeToFirstToken.observe(labels, call.firstByteMs / 1_000);
      if (call.inputTokens !== undefined)
        metrics.tokenUsage.observe({ ...labels, gen_ai_token_type: 'input' }, call.inputTokens);
      if (call.outputTokens !== undefined)
        metrics.tokenUsage.observe({ ...labels, gen_ai_token_type: 'output' }, call.outputTokens);
      metrics.chargedUsd.inc(usdNumber(chargedNanoUsd));
      metrics.excessUsd.inc(usdNumber(excessNanoUsd));
    },
    failed(error: unknown, caller: CallReport['caller']): void {
      logger.error({ ...identityOf(caller), error }, 'a call failed by a mistake of the platform');
    },
  };
}
