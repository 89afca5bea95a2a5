import type { BackendId, ModelId } from '#kernel';
import { given, stateAfter } from '#testing/given-when-then';
import type { ChangeBackend, RegisterBackend } from './commands';
import { catalogueDecider } from './decider';
import type { CatalogueEvent } from './events';
import { findBackend, findBackendByName } from './state';
import type { Backend, BackendService } from './types';

const id = 'bkd_01k00000000000000000000000' as BackendId;
const otherId = 'bkd_01k00000000000000000000001' as BackendId;
const credential = { subject: 'backend:acme', keyVersion: 1, ciphertext: 'bm9uY2U=' };

const register = (change: Partial<RegisterBackend> = {}): RegisterBackend => ({
  type: 'RegisterBackend',
  id,
  name: 'acme',
  kind: 'openai',
  baseUrl: 'https://api.acme.example/v1/',
  ...change,
});
const change = (changes: Omit<ChangeBackend, 'type' | 'id'>): ChangeBackend => ({
  type: 'ChangeBackend',
  id,
  ...changes,
});
const remove = { type: 'RemoveBackend', id } as const;

const acme: Backend = {
  id,
  name: 'acme',
  kind: 'openai',
  baseUrl: 'https://api.acme.example/v1',
  timeouts: { connectMs: 5_000, firstByteMs: 600_000, idleMs: 120_000 },
  streamUsage: true,
  dropFields: [],
  unbilledServerErrors: false,
  unbilledOverload: true,
};
const registered = (changes: Partial<Backend> = {}): CatalogueEvent => ({
  type: 'BackendRegistered',
  data: { backend: { ...acme, ...changes } },
});
const changed = (changes: Partial<Backend>): CatalogueEvent => ({
  type: 'BackendChanged',
  data: { backend: { ...acme, ...changes } },
});
const removed: CatalogueEvent = { type: 'BackendRemoved', data: { backendId: id } };
const routed: CatalogueEvent = {
  type: 'ModelRegistered',
  data: {
    modelId: 'large' as ModelId,
    kind: 'chat',
    visibility: 'all',
    routes: [{ backendId: id, upstreamModel: 'large', weight: 1 }],
    contextTokens: 1_000,
    maxOutputTokens: 100,
    defaultOutputTokens: 100,
    hiddenReasoning: false,
    bounds: { textFactor: 1, requestOverheadTokens: 3, messageOverheadTokens: 8, toolOverheadTokens: 16 },
  },
};
const retired: CatalogueEvent = { type: 'ModelRetired', data: { modelId: 'large' as ModelId } };

describe('registering a backend', () => {
  it('fills in what is not named', () => {
    given(catalogueDecider).when(register()).then(registered()).andNothingWhenRepeated();
  });

  it('takes everything that is named', () => {
    given(catalogueDecider)
      .when(
        register({
          kind: 'anthropic',
          credential,
          timeouts: { idleMs: 1 },
          outputCapField: 'max_completion_tokens',
          streamUsage: false,
          dropFields: ['seed', 'logprobs', 'seed'],
          unbilledServerErrors: true,
        }),
      )
      .then(
        registered({
          kind: 'anthropic',
          credential,
          timeouts: { connectMs: 5_000, firstByteMs: 600_000, idleMs: 1 },
          outputCapField: 'max_completion_tokens',
          streamUsage: false,
          dropFields: ['logprobs', 'seed'],
          unbilledServerErrors: true,
        }),
      )
      .andNothingWhenRepeated();
  });

  it.each([
    [{ unbilledServerErrors: false }, { unbilledServerErrors: false, unbilledOverload: false }],
    [{ unbilledServerErrors: true }, { unbilledServerErrors: true, unbilledOverload: true }],
    [{ unbilledOverload: false }, { unbilledServerErrors: false, unbilledOverload: false }],
    [
      { unbilledServerErrors: false, unbilledOverload: true },
      { unbilledServerErrors: false, unbilledOverload: true },
    ],
  ])('takes %j for what it says about the bill', (said, recorded) => {
    given(catalogueDecider).when(register(said)).then(registered(recorded));
    given(catalogueDecider, registered({ unbilledOverload: recorded.unbilledOverload === false }))
      .when(change(said))
      .then(changed(recorded));
  });

  it('needs no URL for the simulator, whose failures are never billed', () => {
    given(catalogueDecider)
      .when({ type: 'RegisterBackend', id, name: 'simulator', kind: 'simulator' })
      .then(
        registered({
          name: 'simulator',
          kind: 'simulator',
          baseUrl: 'http://simulator.invalid',
          unbilledServerErrors: true,
        }),
      );
    given(catalogueDecider)
      .when({ type: 'RegisterBackend', id, name: 'acme', kind: 'openai' })
      .thenRefused('invalid_base_url');
  });

  it.each(['', 'Acme', '-acme', 'a b', 'a'.repeat(65), 'bkd_01k00000000000000000000000'])(
    'refuses "%s", which is no name',
    (name) => given(catalogueDecider).when(register({ name })).thenRefused('invalid_name'),
  );

  it.each([
    'ftp://api.acme.example',
    'api.acme.example/v1',
    'https://user@api.acme.example',
    'https://user:word@api.acme.example',
    'https://api.acme.example/v1?key=1',
    'https://api.acme.example/v1?',
    'https://api.acme.example/v1#top',
    `https://api.acme.example/${'x'.repeat(500)}`,
  ])('refuses "%s", which is no base URL', (baseUrl) =>
    given(catalogueDecider).when(register({ baseUrl })).thenRefused('invalid_base_url'),
  );

  it.each([0, -1, 0.5, 3_600_001, Number.NaN])('refuses a timeout of %d ms', (connectMs) =>
    given(catalogueDecider)
      .when(register({ timeouts: { connectMs } }))
      .thenRefused('invalid_timeouts'),
  );

  it.each([[['max_tokens']], [['stream']], [['a b']], [['']], [Array.from({ length: 101 }, (_, n) => `f${n}`)]])(
    'refuses to drop %j: metering needs it, or it is no field',
    (dropFields) => given(catalogueDecider).when(register({ dropFields })).thenRefused('invalid_drop_fields'),
  );

  it.each([
    ['n_predict'],
    ['nPredict'],
    ['max_new_tokens'],
    ['api_base'],
    ['aws_region_name'],
    ['mock_response'],
    ['web_search_options'],
    ['max_tokens'],
    ['extra_body.anything'],
    ['thinking.max_new_tokens'],
    ['a.b.c'],
    ['a b'],
    [''],
  ])('refuses to allow %j: no operator can let it through, or it is no field', (field) => {
    given(catalogueDecider)
      .when(register({ allowFields: ['future_field', field] }))
      .thenRefused('invalid_allow_fields');
    given(catalogueDecider, registered())
      .when(change({ allowFields: [field] }))
      .thenRefused('invalid_allow_fields');
  });

  it('refuses endless lists, and betas that no header can carry', () => {
    const many = (name: string) => Array.from({ length: 101 }, (_, n) => `${name}${n}`);
    given(catalogueDecider)
      .when(register({ allowFields: many('f') }))
      .thenRefused('invalid_allow_fields');
    for (const allowBetas of [many('b'), ['a,b'], ['a\r\nb'], ['']])
      given(catalogueDecider).when(register({ allowBetas })).thenRefused('invalid_allow_betas');
  });

  it('gives neither id nor name twice', () => {
    given(catalogueDecider, registered())
      .when(register({ streamUsage: false }))
      .thenRefused('backend_exists');
    given(catalogueDecider, registered(), removed).when(register()).thenRefused('backend_exists');
    given(catalogueDecider, registered())
      .when(register({ id: otherId }))
      .thenRefused('name_taken');
    given(catalogueDecider, registered(), removed)
      .when(register({ id: otherId }))
      .then(registered({ id: otherId }));
  });
});

describe('the credential of a backend', () => {
  const sealed = (ciphertext: string) => ({ subject: 'backend', keyVersion: 1, ciphertext });
  const mine = sealed('mine');
  const at = (baseUrl: string) => registered({ baseUrl, credential: mine });
  const before = 'https://api.acme.example/v1';

  it.each(['https://api.evil.example/v1', 'http://api.acme.example/v1', 'https://api.acme.example:8443/v1'])(
    'is not sent to another origin than it was given for, unless it is given again: %s',
    (baseUrl) => {
      given(catalogueDecider, at(before)).when(change({ baseUrl })).thenRefused('credential_needed');
      for (const credential of [mine, sealed('other'), null])
        expect(
          catalogueDecider.decide(change({ baseUrl, credential }), stateAfter(catalogueDecider, [at(before)])).ok,
        ).toBe(true);
      expect(
        catalogueDecider.decide(change({ baseUrl }), stateAfter(catalogueDecider, [registered({ baseUrl: before })]))
          .ok,
      ).toBe(true);
    },
  );

  it.each(['https://api.acme.example/v2', 'https://API.acme.example:443/v1'])(
    'goes on to the same origin: %s',
    (baseUrl) => {
      expect(catalogueDecider.decide(change({ baseUrl }), stateAfter(catalogueDecider, [at(before)])).ok).toBe(true);
    },
  );
});

describe('changing a backend', () => {
  it('takes what an operator vouches for, sorted and each once, and back again', () => {
    const lists = { allowFields: ['future_field', 'thinking.budget'], allowBetas: ['context-1m-2025-08-07'] };
    given(catalogueDecider, registered())
      .when(change({ ...lists, allowFields: ['thinking.budget', 'future_field', 'future_field'] }))
      .then(changed(lists))
      .andNothingWhenRepeated();
    given(catalogueDecider, registered(lists))
      .when(change({ allowFields: [], allowBetas: [] }))
      .then(changed({}))
      .andNothingWhenRepeated();
  });

  it('names the field of the cap, or leaves it to each call again', () => {
    const named = { outputCapField: 'max_completion_tokens' } as const;
    given(catalogueDecider, registered()).when(change(named)).then(changed(named)).andNothingWhenRepeated();
    given(catalogueDecider, registered(named))
      .when(change({ outputCapField: 'auto' }))
      .then(changed({}))
      .andNothingWhenRepeated();
    given(catalogueDecider, registered(named))
      .when(change({ streamUsage: true }))
      .thenNothing();
  });

  it('keeps what is not named', () => {
    given(catalogueDecider, registered({ credential }))
      .when(change({ timeouts: { idleMs: 7 }, dropFields: ['seed'] }))
      .then(
        changed({ credential, timeouts: { connectMs: 5_000, firstByteMs: 600_000, idleMs: 7 }, dropFields: ['seed'] }),
      )
      .andNothingWhenRepeated();
    given(catalogueDecider, registered()).when(change({})).thenNothing();
  });

  it('replaces or removes the credential', () => {
    const fresh = { ...credential, keyVersion: 2 };
    given(catalogueDecider, registered({ credential }))
      .when(change({ credential: fresh }))
      .then(changed({ credential: fresh }))
      .andNothingWhenRepeated();
    given(catalogueDecider, registered({ credential }))
      .when(change({ credential: null }))
      .then(changed({}))
      .andNothingWhenRepeated();
  });

  it('refuses what registering refuses', () => {
    given(catalogueDecider).when(change({})).thenRefused('backend_not_found');
    given(catalogueDecider, registered())
      .when(change({ name: 'A' }))
      .thenRefused('invalid_name');
    given(catalogueDecider, registered(), registered({ id: otherId, name: 'other' }))
      .when(change({ name: 'other' }))
      .thenRefused('name_taken');
  });
});

describe('taking a backend out of service', () => {
  const setService = (service: BackendService, reason = 'maintenance') =>
    ({ type: 'SetBackendService', id, service, reason }) as const;
  const serviceSet = (service: BackendService): CatalogueEvent => ({
    type: 'BackendServiceSet',
    data: { backendId: id, service, reason: 'maintenance' },
  });

  it('records what was decided and why', () => {
    given(catalogueDecider, registered())
      .when(setService('out-of-service', ' maintenance '))
      .then(serviceSet('out-of-service'));
  });

  it('decides nothing when it is so already; a new backend is in service', () => {
    given(catalogueDecider, registered()).when(setService('in-service')).thenNothing();
    given(catalogueDecider, registered(), serviceSet('draining')).when(setService('draining')).thenNothing();
  });

  it('survives a change of settings, and is no setting itself', () => {
    const state = stateAfter(catalogueDecider, [registered(), serviceSet('degraded'), changed({ name: 'acme-2' })]);
    expect(findBackend(state, id)?.service).toBe('degraded');
    given(catalogueDecider, registered(), serviceSet('degraded'))
      .when(change({ name: 'acme' }))
      .thenNothing();
  });

  it('wants a reason and a backend', () => {
    given(catalogueDecider, registered()).when(setService('draining', ' ')).thenRefused('invalid_reason');
    given(catalogueDecider).when(setService('draining')).thenRefused('backend_not_found');
  });
});

describe('removing a backend', () => {
  it('waits until no model routes to it', () => {
    given(catalogueDecider, registered(), routed)
      .when(remove)
      .thenRefused('backend_in_use', { models: ['large'] });
    given(catalogueDecider, registered(), routed, retired).when(remove).then(removed).andNothingWhenRepeated();
    given(catalogueDecider).when(remove).thenRefused('backend_not_found');
  });
});

describe('finding a backend', () => {
  it('goes by id and by name', () => {
    const state = stateAfter(catalogueDecider, [registered()]);
    expect(findBackend(state, id)).toEqual(acme);
    expect(findBackendByName(state, 'acme')).toEqual(acme);
    expect(findBackend(state, otherId)).toBeUndefined();
    expect(findBackendByName(state, 'other')).toBeUndefined();
  });
});
