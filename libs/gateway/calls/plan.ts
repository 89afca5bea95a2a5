import { type Backend, isClosed, isStopped, type Model, type ModelRoute } from '#inference/catalogue';
import type { ErrorCode } from '#inference/openai';
import type { CallBounds, ModelId, Prices } from '#kernel';
import type { AuthorizeCall, LaterPrices } from '#ledger';
import { boundsOfCall, hasUnpricedSound } from './bounds-of-call';
import type { Caller } from './caller';
import { chooseRoute } from './choose-route';
import type { Dialect, MeteredRequest } from './dialect';
import type { KeyedCall } from './keyed-answers';
import type { CallableModel, CallDependencies } from './ports';

/** Everything about a call that is known before the ledger is asked. */
export interface Plan {
  readonly model: Model;
  /** In force now, in ledger time. */
  readonly prices: Prices;
  /** What replaces them while the call waits. */
  readonly laterPrices?: readonly LaterPrices[];
  readonly route: ModelRoute;
  readonly backend: Backend;
  readonly bounds: CallBounds;
}

export type Planned =
  | { readonly ok: true; readonly plan: Plan }
  | { readonly ok: false; readonly code: ErrorCode; readonly param: string | null; readonly message?: string };

const UNPRICED_SOUND = 'Sound has no price for this model. Leave it out, or choose another model.';

const NO_SUCH_BACKEND = 'X-Routing-Backend names no backend of this model. Leave it out, or name another one.';

function hasBackend(models: CallDependencies['models'], { routes }: Model, name: string): boolean {
  return routes.some(({ backendId }) => models.backends().get(backendId)?.name === name);
}

export function planCall<R extends MeteredRequest>(
  deps: Pick<CallDependencies, 'models' | 'clock' | 'router' | 'ledger'>,
  dialect: Pick<Dialect<R>, 'modelKinds' | 'refusalFor'>,
  request: R,
  caller: Caller,
): Planned {
  const found = deps.models.findCallableModel(caller, request.model as ModelId, deps.ledger.timeOf(caller.orgId));
  if (!found.ok) return { ok: false, code: found.code, param: 'model' };
  const { model } = found;
  const { prices, laterPrices } = priceListOf(found);
  if (!dialect.modelKinds.includes(model.kind)) return { ok: false, code: 'model_not_for_route', param: 'model' };
  if (hasUnpricedSound(model, request.facts))
    return { ok: false, code: 'unsupported_field', param: null, message: UNPRICED_SOUND };
  // Only an operator opens a closed route again: a client that waited would wait in vain.
  if (isClosed(model)) return { ok: false, code: 'model_closed', param: 'model' };
  if (isStopped(model, { organizationId: caller.orgId, keyId: caller.keyId }))
    return { ok: false, code: 'model_stopped', param: 'model' };
  const { onlyBackend } = caller.routing;
  if (onlyBackend !== undefined && !hasBackend(deps.models, model, onlyBackend))
    return { ok: false, code: 'invalid_value', param: null, message: NO_SUCH_BACKEND };
  const chosen = chooseRoute(deps, dialect, request, model, caller);
  if (!chosen.ok) return { ok: false, ...(chosen.refusal ?? { code: 'backend_unavailable', param: null }) };
  return {
    ok: true,
    plan: {
      model,
      prices,
      ...(laterPrices === undefined ? {} : { laterPrices }),
      ...chosen.picked,
      bounds: boundsOfCall(deps.models, model, request.facts),
    },
  };
}

/**
 * Since when they hold is the catalogue's affair: a command has the fields of its schema and no other, or a gateway that
 * is asked to record it for this one turns it away.
 */
function pricesAlone({ version, input, cachedInput, cacheWrite, output }: Prices): Prices {
  return { version, input, cachedInput, cacheWrite, output };
}

type PriceList = Pick<Plan, 'prices' | 'laterPrices'>;

function priceListOf({ prices, upcoming }: Extract<CallableModel, { ok: true }>): PriceList {
  if (upcoming.length === 0) return { prices: pricesAlone(prices) };
  const laterPrices = upcoming.map(({ from, prices: later }) => ({ from, prices: pricesAlone(later) }));
  return { prices: pricesAlone(prices), laterPrices };
}

/** The prices of a planned call as the catalogue has them now; `undefined` where it cannot be called any more. */
export function pricesNow(
  deps: Pick<CallDependencies, 'models' | 'ledger'>,
  caller: Caller,
  { model }: Plan,
): PriceList | undefined {
  const found = deps.models.findCallableModel(caller, model.id, deps.ledger.timeOf(caller.orgId));
  return found.ok ? priceListOf(found) : undefined;
}

/** The question to the ledger; a preflight asks the very same one. */
export function authorizeCommand<R extends MeteredRequest>(
  deps: Pick<CallDependencies, 'settings' | 'owner'>,
  dialect: Pick<Dialect<R>, 'endpoint'>,
  request: R,
  caller: Caller,
  plan: Plan,
  keyed?: KeyedCall,
): AuthorizeCall {
  const { dispatchWindowMs, callMsMax, holdGraceMs, outputTokensCapMin } = deps.settings;
  return {
    type: 'AuthorizeCall',
    callId: caller.requestId,
    keyId: caller.keyId,
    ...(caller.keyOwner === undefined ? {} : { keyOwner: caller.keyOwner }),
    projectId: caller.projectId,
    model: plan.model.id,
    endpoint: dialect.endpoint,
    stream: request.stream,
    backendId: plan.backend.id,
    prices: plan.prices,
    ...(plan.laterPrices === undefined ? {} : { laterPrices: plan.laterPrices }),
    bounds: plan.bounds,
    outputTokensCapMin,
    owner: deps.owner,
    dispatchWindowMs,
    holdMs: dispatchWindowMs + callMsMax + holdGraceMs,
    ...(keyed === undefined ? {} : { idempotency: keyed }),
    ...(caller.clientRequestId === undefined ? {} : { clientRequestId: caller.clientRequestId }),
  };
}
