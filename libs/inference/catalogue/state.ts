import { Map as ImmutableMap, Set as ImmutableSet } from 'immutable';
import type { ApiKeyId, BackendId, CallId, EpochMs, ModelId, OrganizationId } from '#kernel';
import { assertNever } from '#kernel';
import type { CatalogueEvent, CatalogueEventData } from './events';
import type { Backend, Model, ModelRoute, ModelStop, PriceVersion } from './types';

/** How many calls that exceeded their bounds are remembered per model, to recognize repeated reports. */
export const EXCESS_CALLS_MAX = 100;

export interface CatalogueState {
  readonly backends: ImmutableMap<BackendId, Backend>;
  readonly removedBackends: ImmutableSet<BackendId>;
  readonly models: ImmutableMap<ModelId, Model>;
  /** Kept, so that a model that comes back goes on with its price versions: calls refer to them for ever. */
  readonly retiredModels: ImmutableMap<ModelId, Model>;
  /** Oldest first. */
  readonly excessCalls: ImmutableMap<ModelId, readonly CallId[]>;
}

export const emptyCatalogue: CatalogueState = {
  backends: ImmutableMap(),
  removedBackends: ImmutableSet(),
  models: ImmutableMap(),
  retiredModels: ImmutableMap(),
  excessCalls: ImmutableMap(),
};

/** A model that may be called; a retired one is `undefined`. */
export function findModel(state: CatalogueState, id: ModelId): Model | undefined {
  return state.models.get(id);
}

export function findBackend(state: CatalogueState, id: BackendId): Backend | undefined {
  return state.backends.get(id);
}

export function findBackendByName(state: CatalogueState, name: string): Backend | undefined {
  return state.backends.find((backend) => backend.name === name);
}

/**
 * What a call that is authorized at this moment is charged by: of all that have begun the one that began last, and of
 * those that began together the newest. Whatever was set for later comes into force then, unless it was withdrawn.
 * `undefined`: unpriced.
 */
export function currentPrices(model: Model, at: EpochMs): PriceVersion | undefined {
  let current: PriceVersion | undefined;
  for (const version of model.prices)
    if (version.withdrawn !== true && version.effectiveFrom <= at)
      if (current === undefined || version.effectiveFrom >= current.effectiveFrom) current = version;
  return current;
}

function withPrices(model: Model, version: PriceVersion, replacesLater: boolean): Model {
  const isReplaced = ({ effectiveFrom }: PriceVersion) => replacesLater && effectiveFrom > version.effectiveFrom;
  const before = model.prices.map((old) => (isReplaced(old) ? { ...old, withdrawn: true } : old));
  return { ...model, prices: [...before, version] };
}

function withoutPrices(model: Model, version: number): Model {
  return { ...model, prices: model.prices.map((one) => (one.version === version ? { ...one, withdrawn: true } : one)) };
}

/** Nothing can be called where every route is closed: only an operator opens one again. */
export function isClosed({ routes }: Pick<Model, 'routes'>): boolean {
  return routes.length > 0 && routes.every(({ closed }) => closed === true);
}

/** Whether a key, or its whole organization, may call a model no more. */
export function isStopped(
  { stops = [] }: Pick<Model, 'stops'>,
  { organizationId, keyId }: { readonly organizationId: OrganizationId; readonly keyId: ApiKeyId },
): boolean {
  return stops.some(
    (stop) => stop.organizationId === organizationId && (stop.keyId === undefined || stop.keyId === keyId),
  );
}

export function sameStop(a: ModelStop, b: ModelStop): boolean {
  return a.organizationId === b.organizationId && a.keyId === b.keyId;
}

export interface RouteName {
  readonly backendId: BackendId;
  readonly upstreamModel: string;
}

export function sameRoute(a: RouteName, b: RouteName): boolean {
  return a.backendId === b.backendId && a.upstreamModel === b.upstreamModel;
}

/** A closed route stays closed whatever else changes about it: only reopening opens it. */
function keepClosed(routes: readonly ModelRoute[], before: readonly ModelRoute[]): readonly ModelRoute[] {
  return routes.map((route) =>
    before.some((old) => old.closed === true && sameRoute(old, route)) ? { ...route, closed: true } : route,
  );
}

/** A change of settings leaves what an operator decided for the moment as it is. */
function withBackend(state: CatalogueState, backend: Backend): CatalogueState {
  const service = state.backends.get(backend.id)?.service;
  return {
    ...state,
    backends: state.backends.set(backend.id, service === undefined ? backend : { ...backend, service }),
  };
}

function registered(data: CatalogueEventData<'ModelRegistered'>, before: Model | undefined): Model {
  const { modelId: id, routes, ...rest } = data;
  const model = { id, ...rest, routes: keepClosed(routes, before?.routes ?? []), prices: before?.prices ?? [] };
  return {
    ...model,
    ...(before?.boundWithdrawn === true ? { boundWithdrawn: true } : {}),
    ...(before?.exceededBy === undefined ? {} : { exceededBy: before.exceededBy }),
    ...(before?.stops === undefined ? {} : { stops: before.stops }),
  };
}

function withModel(state: CatalogueState, id: ModelId, change: (model: Model) => Model): CatalogueState {
  const model = state.models.get(id);
  return model === undefined ? state : { ...state, models: state.models.set(id, change(model)) };
}

function stopOf({ organizationId, keyId }: ModelStop): ModelStop {
  return keyId === undefined ? { organizationId } : { organizationId, keyId };
}

/** A stop of an organization stands for those of its keys. */
function withStop(model: Model, stop: ModelStop): Model {
  const others = (model.stops ?? []).filter(
    (other) => other.organizationId !== stop.organizationId || (stop.keyId !== undefined && !sameStop(other, stop)),
  );
  return { ...model, stops: [...others, stopOf(stop)] };
}

function withoutStop({ stops = [], ...model }: Model, stop: ModelStop): Model {
  const others = stops.filter((other) => !sameStop(other, stop));
  return others.length === 0 ? model : { ...model, stops: others };
}

/** Each organization and key once: there are few before a route is closed. */
function exceededBy(model: Model, { organizationId, keyId }: Partial<ModelStop>): Model {
  const before = model.exceededBy ?? [];
  const isKnown = before.some((one) => one.organizationId === organizationId && one.keyId === keyId);
  if (isKnown) return model;
  const one = { ...(organizationId && { organizationId }), ...(keyId && { keyId }) };
  return { ...model, exceededBy: [...before, one].slice(-EXCESS_CALLS_MAX) };
}

function withoutBoundWithdrawn({ boundWithdrawn: _, exceededBy: __, ...model }: Model): Model {
  return model;
}

function setClosed(model: Model, name: RouteName, closed: boolean): Model {
  const routes = model.routes.map((route) => {
    if (!sameRoute(route, name)) return route;
    const { closed: _, ...open } = route;
    return closed ? { ...open, closed } : open;
  });
  return { ...model, routes };
}

function remember(state: CatalogueState, id: ModelId, callId: CallId): CatalogueState {
  const calls = [...(state.excessCalls.get(id) ?? []), callId].slice(-EXCESS_CALLS_MAX);
  return { ...state, excessCalls: state.excessCalls.set(id, calls) };
}

function retire(state: CatalogueState, id: ModelId): CatalogueState {
  const model = state.models.get(id);
  if (model === undefined) return state;
  return { ...state, models: state.models.delete(id), retiredModels: state.retiredModels.set(id, model) };
}

export function evolve(state: CatalogueState, event: CatalogueEvent): CatalogueState {
  switch (event.type) {
    case 'BackendRegistered':
    case 'BackendChanged':
      return withBackend(state, event.data.backend);
    case 'BackendServiceSet': {
      const { backendId, service } = event.data;
      const backend = state.backends.get(backendId);
      return backend === undefined
        ? state
        : { ...state, backends: state.backends.set(backendId, { ...backend, service }) };
    }
    case 'BackendRemoved': {
      const { backendId } = event.data;
      const removedBackends = state.removedBackends.add(backendId);
      return { ...state, backends: state.backends.delete(backendId), removedBackends };
    }
    case 'ModelRegistered': {
      const { modelId } = event.data;
      const model = registered(event.data, state.retiredModels.get(modelId));
      const retiredModels = state.retiredModels.delete(modelId);
      return { ...state, models: state.models.set(modelId, model), retiredModels };
    }
    case 'ModelChanged': {
      const { modelId, routes, ...rest } = event.data;
      return withModel(state, modelId, (model) => ({ ...model, ...rest, routes: keepClosed(routes, model.routes) }));
    }
    case 'ModelRetired':
      return retire(state, event.data.modelId);
    case 'PricesSet': {
      const { modelId, replacesLater = false, ...version } = event.data;
      return withModel(state, modelId, (model) => withPrices(model, version, replacesLater));
    }
    case 'PricesWithdrawn':
      return withModel(state, event.data.modelId, (model) => withoutPrices(model, event.data.version));
    case 'BoundsDeclared': {
      const { modelId, bounds } = event.data;
      return withModel(state, modelId, (model) => ({ ...withoutBoundWithdrawn(model), bounds }));
    }
    case 'BoundWithdrawn': {
      const { modelId, callId } = event.data;
      return withModel(remember(state, modelId, callId), modelId, (model) => ({
        ...exceededBy(model, event.data),
        boundWithdrawn: true,
      }));
    }
    case 'RouteClosed': {
      const { modelId, callId } = event.data;
      return withModel(remember(state, modelId, callId), modelId, (model) =>
        setClosed(exceededBy(model, event.data), event.data, true),
      );
    }
    case 'ModelStopped': {
      const { modelId, callId } = event.data;
      return withModel(remember(state, modelId, callId), modelId, (model) =>
        withStop(exceededBy(model, event.data), event.data),
      );
    }
    case 'ModelStopLifted':
      return withModel(state, event.data.modelId, (model) => withoutStop(model, event.data));
    case 'RouteReopened':
      return withModel(state, event.data.modelId, (model) => setClosed(model, event.data, false));
    default:
      return assertNever(event);
  }
}
