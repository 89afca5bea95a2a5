import { accepted, canonicalJson } from '#kernel';
import type { CatalogueDecision, DeclareBounds, LiftModelStop, RecordExcess, ReopenRoute } from './commands';
import { no } from './commands';
import type { CatalogueEvent } from './events';
import type { CatalogueState } from './state';
import { isStopped, sameRoute, sameStop } from './state';
import type { Model, ModelBounds } from './types';

/**
 * For a byte-level BPE, which makes at most one token of a byte. The overheads are generous: chat templates add three
 * to five tokens per message and about three per request, and a tool's frame stays below sixteen.
 */
export const DEFAULT_BOUNDS: ModelBounds = {
  textFactor: 1,
  requestOverheadTokens: 3,
  messageOverheadTokens: 8,
  toolOverheadTokens: 16,
};

const TEXT_FACTOR_MAX = 100;
const BOUND_TOKENS_MAX = 100_000_000;

function areBounds({ textFactor, ...tokens }: ModelBounds): boolean {
  return (
    Number.isInteger(textFactor) &&
    textFactor >= 1 &&
    textFactor <= TEXT_FACTOR_MAX &&
    Object.values(tokens).every((count: number) => Number.isInteger(count) && count >= 0 && count <= BOUND_TOKENS_MAX)
  );
}

/** Completes declared bounds with the defaults and checks them. */
export function parseBounds(declared: Partial<ModelBounds>): { ok: true; bounds: ModelBounds } | ReturnType<typeof no> {
  const bounds = { ...DEFAULT_BOUNDS, ...declared };
  return areBounds(bounds)
    ? { ok: true, bounds }
    : no(
        'invalid_bounds',
        `textFactor is a whole number from 1 to ${TEXT_FACTOR_MAX}, every count of tokens from 0 to ${BOUND_TOKENS_MAX}.`,
      );
}

const noModel = () => no('model_not_found', 'There is no such model.');

export function decideDeclareBounds(command: DeclareBounds, state: CatalogueState): CatalogueDecision {
  const { modelId } = command;
  const model = state.models.get(modelId);
  if (model === undefined) return noModel();
  const parsed = parseBounds(command.bounds);
  if (!parsed.ok) return parsed;
  const { bounds } = parsed;
  const unchanged = canonicalJson(model.bounds) === canonicalJson(bounds);
  const declared: CatalogueEvent[] =
    unchanged && model.boundWithdrawn !== true ? [] : [{ type: 'BoundsDeclared', data: { modelId, bounds } }];
  const lifted = (model.stops ?? []).map((stop) => ({ type: 'ModelStopLifted', data: { modelId, ...stop } }) as const);
  const reopened = model.routes
    .filter(({ closed }) => closed === true)
    .map(
      ({ backendId, upstreamModel }) =>
        ({ type: 'RouteReopened', data: { modelId, backendId, upstreamModel } }) as const,
    );
  return accepted(...declared, ...lifted, ...reopened);
}

export function decideRecordExcess(command: RecordExcess, state: CatalogueState): CatalogueDecision {
  const { modelId, callId, backendId, upstreamModel, organizationId, keyId } = command;
  const model = state.models.get(modelId);
  // A retired model is called no more, so there is nothing left to protect.
  if (model === undefined) return state.retiredModels.has(modelId) ? accepted() : noModel();
  if (state.excessCalls.get(modelId)?.includes(callId) === true) return accepted();
  const data = { modelId, backendId, upstreamModel, callId, organizationId, keyId };
  if (!command.disprovesBound) return decideDisobeyedCap(command, model);
  if (model.boundWithdrawn !== true) return accepted({ type: 'BoundWithdrawn', data });
  if (isStopped(model, command)) return accepted();
  const before = model.exceededBy ?? [];
  if (before.some((one) => one.keyId === keyId)) return accepted({ type: 'ModelStopped', data });
  if (!command.heldProvenBound) return accepted();
  if (before.some((one) => one.organizationId === organizationId)) {
    const { keyId: _, ...organization } = data;
    return accepted({ type: 'ModelStopped', data: organization });
  }
  const route = model.routes.find((one) => sameRoute(one, command));
  return route === undefined || route.closed === true ? accepted() : accepted({ type: 'RouteClosed', data });
}

/** With so many organizations stopped already, the next one's excess is the route's own doing. */
const STOPPED_ORGANIZATIONS_MAX = 2;

/** A cap that a backend did not keep to, or a report that cannot be true, is met where it came up: others go on. */
function decideDisobeyedCap(command: RecordExcess, model: Model): CatalogueDecision {
  const { modelId, callId, backendId, upstreamModel, organizationId, keyId } = command;
  if (isStopped(model, command)) return accepted();
  const data = { modelId, backendId, upstreamModel, callId, organizationId };
  const stopped = new Set((model.stops ?? []).map((stop) => stop.organizationId));
  if (stopped.has(organizationId)) return accepted({ type: 'ModelStopped', data });
  if (stopped.size < STOPPED_ORGANIZATIONS_MAX) return accepted({ type: 'ModelStopped', data: { ...data, keyId } });
  const route = model.routes.find((one) => sameRoute(one, command));
  const isOpen = route !== undefined && route.closed !== true;
  return isOpen ? accepted({ type: 'RouteClosed', data: { ...data, keyId } }) : accepted();
}

export function decideLiftModelStop(command: LiftModelStop, state: CatalogueState): CatalogueDecision {
  const { type: _type, modelId, ...stop } = command;
  const model = state.models.get(modelId);
  if (model === undefined) return noModel();
  const isThere = (model.stops ?? []).some((one) => sameStop(one, stop));
  return isThere ? accepted({ type: 'ModelStopLifted', data: { modelId, ...stop } }) : accepted();
}

export function decideReopenRoute(command: ReopenRoute, state: CatalogueState): CatalogueDecision {
  const { modelId, backendId, upstreamModel } = command;
  const model = state.models.get(modelId);
  if (model === undefined) return noModel();
  const route = model.routes.find((one) => sameRoute(one, command));
  if (route === undefined) return no('route_not_found', 'The model has no such route.');
  if (route.closed !== true) return accepted();
  if (model.boundWithdrawn === true)
    return no('bound_withdrawn', 'A call exceeded the bounds of this model: declare bounds that hold, then reopen.');
  return accepted({ type: 'RouteReopened', data: { modelId, backendId, upstreamModel } });
}
