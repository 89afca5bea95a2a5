import type { ApiKeyId, BackendId, CallId, ModelId, OrganizationId } from '#kernel';
import { given, stateAfter } from '#testing/given-when-then';
import type { CatalogueCommand, RecordExcess } from './commands';
import { DEFAULT_BOUNDS } from './decide-bounds';
import { catalogueDecider } from './decider';
import type { CatalogueEvent } from './events';
import { EXCESS_CALLS_MAX, findModel, isClosed, isStopped } from './state';
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
const withdrawn = (n: number, key = 'a1'): CatalogueEvent => ({
  type: 'BoundWithdrawn',
  data: { ...route('a'), callId: call(n), ...who(key) },
});
const closed = (n: number, key = 'b1', upstreamModel = 'a'): CatalogueEvent => ({
  type: 'RouteClosed',
  data: { ...route(upstreamModel), callId: call(n), ...who(key) },
});
const declared = (bounds: Partial<ModelBounds> = {}): CatalogueEvent => ({
  type: 'BoundsDeclared',
  data: { modelId, bounds: { ...DEFAULT_BOUNDS, ...bounds } },
});
const reopened: CatalogueEvent = { type: 'RouteReopened', data: route('a') };

const org = (name: string) => `org_${name.charAt(0)}` as OrganizationId;
/** Of key `a1` of organization `a`, and so on. */
const who = (key: string) => ({ organizationId: org(key), keyId: `key_${key}` as ApiKeyId });
const excess = (n: number, key = 'a1', upstreamModel = 'a', heldProvenBound = true): RecordExcess => ({
  type: 'RecordExcess',
  ...route(upstreamModel),
  callId: call(n),
  ...who(key),
  heldProvenBound,
  disprovesBound: true,
});
const disobeyed = (n: number, key = 'a1'): RecordExcess => ({ ...excess(n, key), disprovesBound: false });
const stopped = (n: number, key: string): CatalogueEvent => ({
  type: 'ModelStopped',
  data: { ...route('a'), callId: call(n), ...who(key) },
});
const stoppedAll = (n: number, key: string): CatalogueEvent => ({
  type: 'ModelStopped',
  data: { ...route('a'), callId: call(n), organizationId: org(key) },
});
const lifted = (key: string): CatalogueEvent => ({ type: 'ModelStopLifted', data: { modelId, ...who(key) } });
const declare = (bounds: Partial<ModelBounds> = {}): CatalogueCommand => ({ type: 'DeclareBounds', modelId, bounds });
const reopen = (upstreamModel = 'a'): CatalogueCommand => ({ type: 'ReopenRoute', ...route(upstreamModel) });

const modelAfter = (...events: CatalogueEvent[]) => findModel(stateAfter(catalogueDecider, events), modelId);

describe('a call that cost more than it held', () => {
  it('first makes every call of its model hold the whole context', () => {
    given(catalogueDecider, registered).when(excess(1)).then(withdrawn(1)).andNothingWhenRepeated();
    expect(modelAfter(registered)?.boundWithdrawn).toBeUndefined();
    expect(modelAfter(registered, withdrawn(1))?.boundWithdrawn).toBe(true);
  });

  it('again by the same key stops that key, and nobody else', () => {
    given(catalogueDecider, registered, withdrawn(1)).when(excess(2)).then(stopped(2, 'a1')).andNothingWhenRepeated();
    const model = modelAfter(registered, withdrawn(1), stopped(2, 'a1'));
    expect(model && [isClosed(model), ...['a1', 'a2', 'b1'].map((key) => isStopped(model, who(key)))]).toEqual([
      false,
      true,
      false,
      false,
    ]);
    // Calls that were under way prove nothing more.
    given(catalogueDecider, registered, withdrawn(1), stopped(2, 'a1')).when(excess(3)).thenNothing();
  });

  it('also while others of the key were under way', () => {
    given(catalogueDecider, registered, withdrawn(1))
      .when(excess(2, 'a1', 'a', false))
      .then(stopped(2, 'a1'));
  });

  it('then by another key of the organization stops the organization', () => {
    const history = [registered, withdrawn(1), stopped(2, 'a1')];
    given(catalogueDecider, ...history)
      .when(excess(3, 'a2'))
      .then(stoppedAll(3, 'a2'));
    const model = modelAfter(...history, stoppedAll(3, 'a2'));
    expect(model?.stops).toEqual([{ organizationId: org('a') }]);
    expect(model && ['a1', 'a9', 'b1'].map((key) => isStopped(model, who(key)))).toEqual([true, true, false]);
  });

  it('by another organization closes its route, and only that: nothing bounds what it charges', () => {
    given(catalogueDecider, registered, withdrawn(1)).when(excess(2, 'b1')).then(closed(2)).andNothingWhenRepeated();
    expect(modelAfter(registered, withdrawn(1), closed(2))?.routes.map((one) => one.closed)).toEqual([true, undefined]);
    given(catalogueDecider, registered, withdrawn(1), closed(2))
      .when(excess(3, 'c1', 'b'))
      .then(closed(3, 'c1', 'b'));
    const all = modelAfter(registered, withdrawn(1), closed(2), closed(3, 'c1', 'b'));
    expect(all && isClosed(all)).toBe(true);
  });

  it('by others that held what was declared before proves nothing more', () => {
    for (const key of ['a2', 'b1'])
      given(catalogueDecider, registered, withdrawn(1))
        .when(excess(2, key, 'a', false))
        .thenNothing();
  });

  it('after one on record of which nobody knows whose it was closes the route, as it was', () => {
    const unknown: CatalogueEvent = { type: 'BoundWithdrawn', data: { ...route('a'), callId: call(1) } };
    given(catalogueDecider, registered, unknown).when(excess(2, 'b1')).then(closed(2));
  });

  it('counts once, however often and late it is reported', () => {
    given(catalogueDecider, registered, withdrawn(1), declared()).when(excess(1)).thenNothing();
    given(catalogueDecider, registered, withdrawn(1), closed(2), declared(), reopened)
      .when(excess(2, 'b1'))
      .thenNothing();
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
    given(catalogueDecider, registered, withdrawn(1))
      .when(excess(2, 'b1', 'gone'))
      .thenNothing();
    given(catalogueDecider, registered, retired).when(excess(1)).thenNothing();
    given(catalogueDecider).when(excess(1)).thenRefused('model_not_found');
  });
});

describe('a call whose backend generated more than its cap, or said what cannot be', () => {
  it('stops its key on the model; the bound of the input is as good as it was, and others go on', () => {
    given(catalogueDecider, registered).when(disobeyed(1)).then(stopped(1, 'a1')).andNothingWhenRepeated();
    const model = modelAfter(registered, stopped(1, 'a1'));
    expect(model).not.toHaveProperty('boundWithdrawn');
    expect(model && ['a1', 'a2', 'b1'].map((key) => isStopped(model, who(key)))).toEqual([true, false, false]);
  });

  it('then, by another key, the organization', () => {
    given(catalogueDecider, registered, stopped(1, 'a1')).when(disobeyed(2, 'a2')).then(stoppedAll(2, 'a2'));
    given(catalogueDecider, registered, stopped(1, 'a1'), stoppedAll(2, 'a2')).when(disobeyed(3, 'a3')).thenNothing();
  });

  it('closes the route once it happens to a third organization', () => {
    const two = [registered, stopped(1, 'a1'), stopped(2, 'b1')];
    given(catalogueDecider, registered, stopped(1, 'a1')).when(disobeyed(2, 'b1')).then(stopped(2, 'b1'));
    given(catalogueDecider, ...two)
      .when(disobeyed(3, 'c1'))
      .then(closed(3, 'c1'));
    given(catalogueDecider, ...two, closed(3, 'c1'))
      .when(disobeyed(4, 'c2'))
      .thenNothing();
  });

  it('stops whoever does it again after an operator has lifted the stop', () => {
    given(catalogueDecider, registered, stopped(1, 'a1'), lifted('a1')).when(disobeyed(2)).then(stopped(2, 'a1'));
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

  it('lifts what came of it, too: stops and closed routes', () => {
    given(catalogueDecider, registered, withdrawn(1), stopped(2, 'a1'), closed(3))
      .when(declare({ textFactor: 3 }))
      .then(declared({ textFactor: 3 }), lifted('a1'), reopened)
      .andNothingWhenRepeated();
    const model = modelAfter(registered, withdrawn(1), stopped(2, 'a1'), closed(3), declared(), lifted('a1'), reopened);
    expect(model).toEqual(modelAfter(registered));
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

describe('lifting a stop', () => {
  const lift = (key: string) => ({ type: 'LiftModelStop', modelId, ...who(key) }) as const;

  it('lets the key call again; the bound stays as it is', () => {
    given(catalogueDecider, registered, withdrawn(1), stopped(2, 'a1'))
      .when(lift('a1'))
      .then(lifted('a1'))
      .andNothingWhenRepeated();
    expect(modelAfter(registered, withdrawn(1), stopped(2, 'a1'), lifted('a1'))).not.toHaveProperty('stops');
  });

  it('is for those that are there', () => {
    given(catalogueDecider, registered, withdrawn(1), stopped(2, 'a1')).when(lift('a2')).thenNothing();
    given(catalogueDecider).when(lift('a1')).thenRefused('model_not_found');
  });
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
