import type { BackendId, CallId, ModelId } from '#kernel';
import { given, stateAfter } from '#testing/given-when-then';
import type { CatalogueCommand } from './commands';
import { DEFAULT_BOUNDS } from './decide-bounds';
import { catalogueDecider } from './decider';
import type { CatalogueEvent } from './events';
import { EXCESS_CALLS_MAX, findModel } from './state';
import type { ModelBounds } from './types';

const modelId = 'large' as ModelId;
const backendId = 'bkd_01k00000000000000000000000' as BackendId;
const call = (n: number) => `req_${String(n).padStart(26, '0')}` as CallId;
const route = (upstreamModel: string) => ({ modelId, backendId, upstreamModel });

const registered: CatalogueEvent = {
  type: 'ModelRegistered',
  data: {
    modelId,
    kind: 'chat',
    visibility: 'all',
    routes: [
      { backendId, upstreamModel: 'a', weight: 1 },
      { backendId, upstreamModel: 'b', weight: 1 },
    ],
    contextTokens: 1_000,
    maxOutputTokens: 100,
    defaultOutputTokens: 100,
    hiddenReasoning: false,
    bounds: DEFAULT_BOUNDS,
  },
};
const retired: CatalogueEvent = { type: 'ModelRetired', data: { modelId } };
const withdrawn = (n: number, upstreamModel = 'a'): CatalogueEvent => ({
  type: 'BoundWithdrawn',
  data: { ...route(upstreamModel), callId: call(n) },
});
const closed = (n: number, upstreamModel = 'a'): CatalogueEvent => ({
  type: 'RouteClosed',
  data: { ...route(upstreamModel), callId: call(n) },
});
const declared = (bounds: Partial<ModelBounds> = {}): CatalogueEvent => ({
  type: 'BoundsDeclared',
  data: { modelId, bounds: { ...DEFAULT_BOUNDS, ...bounds } },
});
const reopened: CatalogueEvent = { type: 'RouteReopened', data: route('a') };

const excess = (n: number, upstreamModel = 'a'): CatalogueCommand => ({
  type: 'RecordExcess',
  ...route(upstreamModel),
  callId: call(n),
});
const declare = (bounds: Partial<ModelBounds> = {}): CatalogueCommand => ({ type: 'DeclareBounds', modelId, bounds });
const reopen = (upstreamModel = 'a'): CatalogueCommand => ({ type: 'ReopenRoute', ...route(upstreamModel) });

const modelAfter = (...events: CatalogueEvent[]) => findModel(stateAfter(catalogueDecider, events), modelId);

describe('a call that cost more than it held', () => {
  it('first makes every call of its model hold the whole context', () => {
    given(catalogueDecider, registered).when(excess(1)).then(withdrawn(1)).andNothingWhenRepeated();
    expect(modelAfter(registered)?.boundWithdrawn).toBeUndefined();
    expect(modelAfter(registered, withdrawn(1))?.boundWithdrawn).toBe(true);
  });

  it('then closes its route, and only that', () => {
    given(catalogueDecider, registered, withdrawn(1)).when(excess(2)).then(closed(2)).andNothingWhenRepeated();
    expect(modelAfter(registered, withdrawn(1), closed(2))?.routes.map((one) => one.closed)).toEqual([true, undefined]);
  });

  it('closes the other route by the next one there', () => {
    given(catalogueDecider, registered, withdrawn(1), closed(2)).when(excess(3, 'b')).then(closed(3, 'b'));
    given(catalogueDecider, registered, withdrawn(1), closed(2)).when(excess(3)).thenNothing();
  });

  it('counts once, however often and late it is reported', () => {
    given(catalogueDecider, registered, withdrawn(1), declared()).when(excess(1)).thenNothing();
    given(catalogueDecider, registered, withdrawn(1), closed(2), declared(), reopened).when(excess(2)).thenNothing();
  });

  it('is forgotten after a hundred others', () => {
    const others = Array.from({ length: EXCESS_CALLS_MAX }, (_, n) => [withdrawn(n + 2), declared()]).flat();
    given(catalogueDecider, registered, withdrawn(1), declared(), ...others)
      .when(excess(1))
      .then(withdrawn(1));
  });

  it('withdraws again after bounds were declared that do not hold either', () => {
    given(catalogueDecider, registered, withdrawn(1), declared({ textFactor: 3 }))
      .when(excess(2))
      .then(withdrawn(2));
  });

  it('means nothing to a route or a model that is gone', () => {
    given(catalogueDecider, registered, withdrawn(1)).when(excess(2, 'gone')).thenNothing();
    given(catalogueDecider, registered, retired).when(excess(1)).thenNothing();
    given(catalogueDecider).when(excess(1)).thenRefused('model_not_found');
  });
});

describe('declaring bounds', () => {
  it('replaces them all, with defaults for what is not named', () => {
    given(catalogueDecider, registered, declared({ textFactor: 3 }))
      .when(declare({ imageTokensMax: 2_000 }))
      .then(declared({ imageTokensMax: 2_000 }))
      .andNothingWhenRepeated();
  });

  it('lifts a withdrawal, even by the same bounds: an operator has looked', () => {
    given(catalogueDecider, registered, withdrawn(1)).when(declare()).then(declared()).andNothingWhenRepeated();
    expect(modelAfter(registered, withdrawn(1), declared())).not.toHaveProperty('boundWithdrawn');
    given(catalogueDecider, registered).when(declare()).thenNothing();
  });

  it.each([
    { textFactor: 0 },
    { textFactor: 101 },
    { textFactor: 1.5 },
    { messageOverheadTokens: -1 },
    { fileTokensMax: 1e9 },
  ])('refuses %j', (bounds) => given(catalogueDecider, registered).when(declare(bounds)).thenRefused('invalid_bounds'));

  it('needs a model', () => given(catalogueDecider).when(declare()).thenRefused('model_not_found'));
});

describe('reopening a route', () => {
  it('waits for bounds that hold', () => {
    const history = [registered, withdrawn(1), closed(2)];
    given(catalogueDecider, ...history)
      .when(reopen())
      .thenRefused('bound_withdrawn');
    given(catalogueDecider, ...history, declared())
      .when(reopen())
      .then(reopened)
      .andNothingWhenRepeated();
    expect(modelAfter(...history, declared(), reopened)?.routes[0]).not.toHaveProperty('closed');
  });

  it('decides nothing for an open route, and refuses one that is not there', () => {
    given(catalogueDecider, registered).when(reopen()).thenNothing();
    given(catalogueDecider, registered).when(reopen('gone')).thenRefused('route_not_found');
    given(catalogueDecider).when(reopen()).thenRefused('model_not_found');
  });
});
