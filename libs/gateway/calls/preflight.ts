import type { ClientBody } from '#inference';
import type { ErrorCode } from '#inference/openai';
import { type CallBounds, costOf, epochMs, formatUsd, type NanoUsd, type Prices } from '#kernel';
import { authorize, type LedgerState, ledgerTime } from '#ledger';
import type { Caller } from './caller';
import type { Dialect, MeteredRequest } from './dialect';
import { refusalAnswer } from './ledger-refusals';
import { lookUpCached } from './look-up-cached';
import { parseSound } from './parse-sound';
import { authorizeCommand, planCall } from './plan';
import type { CallDependencies } from './ports';
import { reusePlan } from './reuse';

/** What would become of a call, had it come now. */
export type Preflight =
  | { readonly admitted: true; readonly answer: Readonly<Record<string, unknown>> }
  | {
      readonly admitted: false;
      readonly code: ErrorCode;
      readonly message?: string;
      readonly param: string | null;
      readonly details: Readonly<Record<string, unknown>>;
      readonly retryAfterMs?: number;
    };

/** Of an output cap that is not exhausted: a rule of thumb, named as such in the answer. */
const LIKELY_SHARE_OF_CAP = 4;

function likelyCost(prices: Prices, bounds: CallBounds, hold: NanoUsd): NanoUsd {
  const likely = costOf(
    {
      input: bounds.inputTokensEstimate,
      cachedInput: 0,
      cacheWrite: 0,
      output: Math.ceil((bounds.outputTokensCap * bounds.outputsMax) / LIKELY_SHARE_OF_CAP),
    },
    prices,
  );
  return likely < hold ? likely : hold;
}

/**
 * Decides a call by the very function that decides real ones, against the ledger as it stands, and records nothing. It
 * does not wait for other calls to end, as a real one would for a second.
 */
export async function preflight<R extends MeteredRequest>(
  deps: CallDependencies,
  dialect: Dialect<R>,
  body: ClientBody,
  caller: Caller,
): Promise<Preflight> {
  const parsed = parseSound(body, dialect.parse);
  if (!parsed.ok) {
    const { code, message, param } = parsed.refusal;
    return { admitted: false, code, message, param, details: {} };
  }
  const planned = planCall(deps, dialect, parsed.request, caller);
  if (!planned.ok) {
    const { code, param, message } = planned;
    return { admitted: false, code, param, details: {}, ...(message === undefined ? {} : { message }) };
  }
  const { hit } = await lookUpCached(deps, dialect.endpoint, body, caller);
  const plan = hit === undefined ? planned.plan : reusePlan(planned.plan, hit);
  const state: LedgerState = await deps.ledger.read(caller.orgId);
  const command = authorizeCommand(deps, dialect, parsed.request, caller, plan);
  const decided = authorize(command, state, ledgerTime(state, epochMs(deps.clock.now())));
  if (!decided.ok) {
    const { code, message, details, retryAfterMs } = refusalAnswer(decided.refusal);
    return {
      admitted: false,
      code,
      ...(message === undefined ? {} : { message }),
      param: null,
      details,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    };
  }
  const { admission } = decided;
  const bounds = { ...command.bounds, outputTokensCap: admission.outputTokensCap };
  const hold = admission.holdCost as NanoUsd;
  return {
    admitted: true,
    answer: {
      hold_usd: formatUsd(hold),
      likely_cost_usd: formatUsd(likelyCost(admission.prices, bounds, hold)),
      likely_cost_assumes: `the estimated input and 1/${LIKELY_SHARE_OF_CAP} of the output cap`,
      input_tokens_max: bounds.inputTokensMax,
      input_tokens_estimate: bounds.inputTokensEstimate,
      ...(bounds.outputsMax === 0
        ? {}
        : { output_cap: bounds.outputTokensCap, output_cap_clamped: admission.capClamped }),
      price_version: admission.prices.version,
      warnings: admission.warnings,
      ...(hit === undefined ? {} : { served_from: 'cache' }),
    },
  };
}
