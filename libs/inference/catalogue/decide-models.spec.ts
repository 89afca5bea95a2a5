import type { BackendId, CallId, ModelId } from '#kernel';
import { epochMs, usd } from '#kernel';
import { given, stateAfter } from '#testing/given-when-then';
import type { ChangeModel, RegisterModel } from './commands';
import { catalogueDecider } from './decider';
import type { CatalogueEvent, CatalogueEventData } from './events';
import { findModel } from './state';

const backendId = 'bkd_01k00000000000000000000000' as BackendId;
const otherBackendId = 'bkd_01k00000000000000000000001' as BackendId;
const modelId = 'acme/large' as ModelId;
const callId = 'req_01k00000000000000000000000' as CallId;

const backendRegistered = (id: BackendId, name: string): CatalogueEvent => ({
  type: 'BackendRegistered',
  data: {
    backend: {
      id,
      name,
      kind: 'openai',
      baseUrl: 'https://api.acme.example/v1',
      timeouts: { connectMs: 5_000, firstByteMs: 600_000, idleMs: 120_000 },
      outputCapField: 'max_tokens',
      streamUsage: true,
      dropFields: [],
      unbilledServerErrors: false,
    },
  },
});
const settings = {
  modelId,
  visibility: 'all',
  routes: [{ backendId, upstreamModel: 'large-2026', weight: 1 }],
  contextTokens: 128_000,
  maxOutputTokens: 16_384,
  defaultOutputTokens: 16_384,
  hiddenReasoning: false,
} as const;
const bounds = { textFactor: 1, requestOverheadTokens: 3, messageOverheadTokens: 8, toolOverheadTokens: 16 };
const registered = (changes: Partial<CatalogueEventData<'ModelRegistered'>> = {}): CatalogueEvent => ({
  type: 'ModelRegistered',
  data: { ...settings, kind: 'chat', bounds, ...changes },
});
const changed = (changes: Partial<CatalogueEventData<'ModelChanged'>>): CatalogueEvent => ({
  type: 'ModelChanged',
  data: { ...settings, ...changes },
});
const retired: CatalogueEvent = { type: 'ModelRetired', data: { modelId } };
const priced: CatalogueEvent = {
  type: 'PricesSet',
  data: {
    modelId,
    version: 1,
    effectiveFrom: epochMs(0),
    input: usd('1'),
    cachedInput: usd('1'),
    cacheWrite: usd('1'),
    output: usd('2'),
  },
};
const closed: CatalogueEvent = {
  type: 'RouteClosed',
  data: { modelId, backendId, upstreamModel: 'large-2026', callId },
};
const withdrawn: CatalogueEvent = {
  type: 'BoundWithdrawn',
  data: { modelId, backendId, upstreamModel: 'large-2026', callId },
};

const catalogue = (...events: CatalogueEvent[]) =>
  given(catalogueDecider, backendRegistered(backendId, 'acme'), ...events);
const modelAfter = (...events: CatalogueEvent[]) => findModel(stateAfter(catalogueDecider, events), modelId);

const register = (change: Partial<RegisterModel> = {}): RegisterModel => ({
  type: 'RegisterModel',
  id: modelId,
  kind: 'chat',
  routes: [{ backendId, upstreamModel: 'large-2026' }],
  contextTokens: 128_000,
  maxOutputTokens: 16_384,
  ...change,
});
const change = (changes: Omit<ChangeModel, 'type' | 'id'>): ChangeModel => ({
  type: 'ChangeModel',
  id: modelId,
  ...changes,
});
const retire = { type: 'RetireModel', id: modelId } as const;

describe('registering a model', () => {
  it('fills in what is not named', () => {
    catalogue().when(register()).then(registered()).andNothingWhenRepeated();
  });

  it('lets calls without a cap have all that the model gives, unless something else is named', () => {
    catalogue()
      .when(register({ maxOutputTokens: 100 }))
      .then(registered({ maxOutputTokens: 100, defaultOutputTokens: 100 }));
    catalogue()
      .when(register({ defaultOutputTokens: 4_096 }))
      .then(registered({ defaultOutputTokens: 4_096 }));
  });

  it('takes embedding models, which generate nothing', () => {
    const embedding = { type: 'RegisterModel', id: modelId, kind: 'embedding', contextTokens: 8_192 } as const;
    const routes = [{ backendId, upstreamModel: 'large-2026' }];
    catalogue()
      .when({ ...embedding, routes })
      .then(registered({ kind: 'embedding', contextTokens: 8_192, maxOutputTokens: 0, defaultOutputTokens: 0 }))
      .andNothingWhenRepeated();
    catalogue()
      .when({ ...embedding, routes, maxOutputTokens: 1 })
      .thenRefused('invalid_output_tokens');
  });

  it('starts unpriced, and so not callable', () => {
    expect(modelAfter(registered())?.prices).toEqual([]);
  });

  it.each<[string, Partial<RegisterModel>]>([
    ['invalid_model_id', { id: '' }],
    ['invalid_model_id', { id: '/large' }],
    ['invalid_model_id', { id: 'large/' }],
    ['invalid_model_id', { id: 'la\nrge' }],
    ['invalid_model_id', { id: 'é'.repeat(129) }],
    ['invalid_model_id', { id: '\ud800' }],
    ['invalid_context_tokens', { contextTokens: 0 }],
    ['invalid_context_tokens', { contextTokens: 100_000_001 }],
    ['invalid_context_tokens', { contextTokens: 1.5 }],
    ['invalid_output_tokens', { maxOutputTokens: 0 }],
    ['invalid_output_tokens', { maxOutputTokens: 128_001 }],
    ['invalid_output_tokens', { defaultOutputTokens: 16_385 }],
    ['invalid_output_tokens', { defaultOutputTokens: 0 }],
    ['invalid_routes', { routes: [] }],
    ['invalid_routes', { routes: [{ backendId, upstreamModel: '' }] }],
    ['invalid_routes', { routes: [{ backendId, upstreamModel: 'a', weight: 0 }] }],
    ['invalid_routes', { routes: [{ backendId, upstreamModel: 'a', weight: 0.5 }] }],
    ['invalid_routes', { routes: Array.from({ length: 21 }, (_, n) => ({ backendId, upstreamModel: `m${n}` })) }],
    [
      'invalid_routes',
      {
        routes: [
          { backendId, upstreamModel: 'a' },
          { backendId, upstreamModel: 'a', weight: 2 },
        ],
      },
    ],
    ['invalid_bounds', { bounds: { textFactor: 0 } }],
    ['invalid_bounds', { bounds: { imageTokensMax: -1 } }],
    ['route_backend_not_found', { routes: [{ backendId: otherBackendId, upstreamModel: 'a' }] }],
  ])('refuses with %s: %j', (code, faulty) => {
    catalogue()
      .when(register(faulty))
      .thenRefused(code as 'invalid_routes');
  });

  it('does not give one id to two models', () => {
    catalogue(registered())
      .when(register({ contextTokens: 64_000 }))
      .thenRefused('model_exists');
  });
});

describe('changing a model', () => {
  it('keeps what is not named', () => {
    catalogue(registered({ hiddenReasoning: true }))
      .when(change({ visibility: 'granted' }))
      .then(changed({ visibility: 'granted', hiddenReasoning: true }))
      .andNothingWhenRepeated();
    catalogue(registered()).when(change({})).thenNothing();
  });

  it('lowers the default output along with the maximum, and raises it where it was the maximum', () => {
    for (const maxOutputTokens of [1_000, 32_000])
      catalogue(registered())
        .when(change({ maxOutputTokens }))
        .then(changed({ maxOutputTokens, defaultOutputTokens: maxOutputTokens }));
    const chosen = { defaultOutputTokens: 4_096 };
    catalogue(registered(chosen))
      .when(change({ maxOutputTokens: 1_000 }))
      .then(changed({ maxOutputTokens: 1_000, defaultOutputTokens: 1_000 }));
    catalogue(registered(chosen))
      .when(change({ maxOutputTokens: 32_000 }))
      .then(changed({ maxOutputTokens: 32_000, ...chosen }));
    catalogue(registered())
      .when(change({ maxOutputTokens: 1_000, defaultOutputTokens: 2_000 }))
      .thenRefused('invalid_output_tokens');
  });

  it('keeps a closed route closed, and decides nothing for routes that stay', () => {
    const routes = [
      { backendId, upstreamModel: 'large-2026', weight: 5 },
      { backendId, upstreamModel: 'large-2027', weight: 1 },
    ];
    expect(modelAfter(registered(), closed, changed({ routes }))?.routes).toEqual([
      { ...routes[0], closed: true },
      routes[1],
    ]);
    catalogue(registered(), closed)
      .when(change({ routes: [{ backendId, upstreamModel: 'large-2026' }] }))
      .thenNothing();
  });

  it('refuses what registering refuses', () => {
    catalogue().when(change({})).thenRefused('model_not_found');
    catalogue(registered())
      .when(change({ routes: [{ backendId: otherBackendId, upstreamModel: 'a' }] }))
      .thenRefused('route_backend_not_found');
    catalogue(registered())
      .when(change({ contextTokens: 1 }))
      .thenRefused('invalid_output_tokens');
  });
});

describe('retiring a model', () => {
  it('takes it out of use', () => {
    catalogue(registered()).when(retire).then(retired).andNothingWhenRepeated();
    expect(modelAfter(registered(), retired)).toBeUndefined();
    catalogue().when(retire).thenRefused('model_not_found');
    catalogue(registered(), retired).when(change({})).thenRefused('model_not_found');
  });

  it('is not for ever: it comes back with its prices, its withdrawn bounds and its closed routes', () => {
    catalogue(registered(), retired).when(register()).then(registered()).andNothingWhenRepeated();
    const model = modelAfter(registered(), priced, withdrawn, closed, retired, registered());
    expect(model?.prices.map((one) => one.version)).toEqual([1]);
    expect(model?.boundWithdrawn).toBe(true);
    expect(model?.routes[0]?.closed).toBe(true);
  });
});
