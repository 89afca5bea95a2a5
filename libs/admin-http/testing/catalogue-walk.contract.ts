import { id, list, type Walked } from './walked.contract';

/** Backends, models and prices: what one route of them is asked after the other. */
export const CATALOGUE_WALK: readonly Walked[] = [
  {
    route: 'POST /admin/v1/backends',
    path: () => '/admin/v1/backends',
    body: () => ({
      name: 'provider',
      kind: 'openai',
      baseUrl: 'https://api.example.com/v1',
      apiKey: 'canary-credential',
    }),
    status: 201,
    answer: { name: 'provider', hasApiKey: true, streamUsage: 'yes' },
    invalid: [
      [{ name: 'x', kind: 'other' }, '/kind'],
      [{ name: 'x', kind: 'openai', timeouts: { idleMs: 'long' } }, '/timeouts/idleMs'],
      [{ name: 'x', kind: 'openai', streamUsage: true }, '/streamUsage'],
      [{ name: 'x', kind: 'openai', baseUrl: 'http://169.254.169.254/v1' }, '/baseUrl'],
      [{ name: 'x', kind: 'openai', baseUrl: 'http://0xA9FEA9FE' }, '/baseUrl'],
    ],
    as: 'backend',
  },
  { route: 'GET /admin/v1/backends', path: () => '/admin/v1/backends', answer: list },
  {
    route: 'GET /admin/v1/backends/:id',
    path: () => `/admin/v1/backends/${id('backend')}`,
    answer: { name: 'provider' },
  },
  {
    route: 'PATCH /admin/v1/backends/:id',
    path: () => `/admin/v1/backends/${id('backend')}`,
    body: () => ({ streamUsage: 'no', apiKey: 'canary-credential', timeouts: { connectMs: 9 } }),
    answer: { streamUsage: 'no', hasApiKey: true, timeouts: { connectMs: 9, firstByteMs: 600_000, idleMs: 120_000 } },
    invalid: [
      [{ kind: 'simulator' }, '/kind'],
      [{ apiKey: '' }, '/apiKey'],
    ],
    isRepeatable: true,
  },
  {
    route: 'POST /admin/v1/backends/:id/service',
    path: () => `/admin/v1/backends/${id('backend')}/service`,
    body: () => ({ service: 'degraded', reason: 'Its provider reports an outage.' }),
    answer: { name: 'provider', service: 'degraded' },
    invalid: [
      [{ service: 'broken', reason: 'x' }, '/service'],
      [{ service: 'draining' }, '/reason'],
    ],
    isRepeatable: true,
  },
  {
    route: 'GET /admin/v1/routing/backends',
    path: () => '/admin/v1/routing/backends',
    answer: { data: [{ name: 'provider', service: 'degraded', circuit: 'closed' }], next: null },
  },
  {
    route: 'GET /admin/v1/routing/decisions',
    path: () => '/admin/v1/routing/decisions?limit=2',
    answer: { data: [{ backend: 'provider', decision: 'primary' }] },
  },
  {
    route: 'POST /admin/v1/models',
    path: () => '/admin/v1/models',
    body: () => ({
      id: 'maker/small',
      kind: 'chat',
      routes: [{ backend: 'provider', upstreamModel: 'small' }],
      contextTokens: 1_000,
      maxOutputTokens: 100,
      prices: { input: '0.15', output: '0.6' },
    }),
    status: 201,
    answer: { id: 'maker/small', prices: { version: 1, input: '0.15', cachedInput: '0.15', output: '0.6' } },
    invalid: [
      [
        { id: 'x', kind: 'chat', routes: [{ backend: 'none', upstreamModel: 'x' }], contextTokens: 1 },
        '/routes/0/backend',
      ],
      [{ id: 'x', kind: 'chat', routes: [{ backend: 'none' }], contextTokens: 1 }, '/routes/0/upstreamModel'],
      [{ id: 'x', kind: 'chat', routes: [], contextTokens: 1, prices: { input: 1, output: '1' } }, '/prices/input'],
    ],
  },
  { route: 'GET /admin/v1/models', path: () => '/admin/v1/models', answer: list },
  { route: 'GET /admin/v1/models/*', path: () => '/admin/v1/models/maker/small', answer: { id: 'maker/small' } },
  { route: 'GET /admin/v1/models/*', path: () => '/admin/v1/models/maker%2Fsmall', answer: { id: 'maker/small' } },
  {
    route: 'POST /admin/v1/models/*',
    path: () => '/admin/v1/models/maker%2Fsmall/prices',
    body: () => ({ input: '0.2', cachedInput: '0.1', output: '0.8' }),
    answer: { prices: { version: 2, input: '0.2', cachedInput: '0.1', cacheWrite: '0.2' } },
    invalid: [
      [{ input: '0.2' }, '/output'],
      [{ input: '0.2', output: '0.0000000001' }, '/output'],
    ],
    isRepeatable: true,
  },
  {
    route: 'GET /admin/v1/models/*',
    path: () => '/admin/v1/models/maker/small/prices',
    answer: {
      data: [
        { version: 1, status: 'past' },
        { version: 2, status: 'in-force' },
      ],
      next: null,
    },
  },
  {
    route: 'POST /admin/v1/models/*',
    path: () => '/admin/v1/models/maker/small/prices',
    body: () => ({ input: '0.3', output: '0.9', effectiveFrom: '2999-01-01T00:00:00.000Z' }),
    answer: { prices: { version: 2, status: 'in-force' } },
    isRepeatable: true,
  },
  {
    route: 'POST /admin/v1/models/*',
    path: () => '/admin/v1/models/maker/small/prices/withdraw',
    body: () => ({ version: 3 }),
    answer: { prices: { version: 2 } },
    invalid: [[{}, '/version']],
    isRepeatable: true,
  },
  {
    route: 'POST /admin/v1/models/*',
    path: () => '/admin/v1/models/maker/small/reopen',
    body: () => ({ backend: 'provider', upstreamModel: 'small' }),
    answer: { id: 'maker/small' },
    invalid: [[{ backend: 'none', upstreamModel: 'small' }, '/backend']],
    isRepeatable: true,
  },
  {
    route: 'PATCH /admin/v1/models/*',
    path: () => '/admin/v1/models/maker/small',
    body: () => ({ visibility: 'granted', bounds: { textFactor: 3 } }),
    answer: { visibility: 'granted', bounds: { textFactor: 3 }, routes: [{ backendName: 'provider' }] },
    invalid: [[{ routes: null }, '/routes']],
    isRepeatable: true,
  },
  {
    route: 'DELETE /admin/v1/models/*',
    path: () => '/admin/v1/models/maker/small',
    answer: { id: 'maker/small', status: 'retired' },
    isRepeatable: true,
  },
  {
    route: 'DELETE /admin/v1/backends/:id',
    path: () => `/admin/v1/backends/${id('backend')}`,
    answer: { status: 'removed' },
    isRepeatable: true,
  },
];
