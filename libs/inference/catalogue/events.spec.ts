import { join } from 'node:path';
import type { ApiKeyId, BackendId, CallId, ModelId, OrganizationId } from '#kernel';
import { epochMs, usd } from '#kernel';
import type { EventSamples } from '#testing/golden';
import { goldenChecks } from '#testing/golden';
import type { CatalogueEvent } from './events';
import { catalogueCodec } from './events';
import type { Backend } from './types';

const backendId = 'bkd_01k00000000000000000000000' as BackendId;
const modelId = 'acme/large' as ModelId;
const route = { backendId, upstreamModel: 'large-2026' };
const organizationId = 'org_01k00000000000000000000000' as OrganizationId;
const keyId = 'key_01k00000000000000000000000' as ApiKeyId;
const callId = 'req_01k00000000000000000000000' as CallId;

const backend: Backend = {
  id: backendId,
  name: 'acme',
  kind: 'openai',
  baseUrl: 'https://api.acme.example/v1',
  credential: { subject: 'backend:acme', keyVersion: 1, ciphertext: 'bm9uY2U=' },
  timeouts: { connectMs: 5_000, firstByteMs: 600_000, idleMs: 120_000 },
  outputCapField: 'max_tokens',
  streamUsage: true,
  dropFields: ['logprobs'],
  allowFields: ['future_field'],
  allowBetas: ['context-1m-2025-08-07'],
  unbilledServerErrors: false,
};
const { credential: _, outputCapField: __, allowFields: ___, allowBetas: ____, ...anonymous } = backend;
const bounds = { textFactor: 3, requestOverheadTokens: 3, messageOverheadTokens: 8, toolOverheadTokens: 16 };
const settings = {
  modelId,
  visibility: 'granted',
  routes: [{ ...route, weight: 1 }],
  contextTokens: 128_000,
  maxOutputTokens: 16_384,
  defaultOutputTokens: 4_096,
  hiddenReasoning: true,
} as const;

const samples: EventSamples<CatalogueEvent> = {
  BackendRegistered: [
    { type: 'BackendRegistered', data: { backend } },
    { type: 'BackendRegistered', data: { backend: anonymous } },
  ],
  BackendChanged: [{ type: 'BackendChanged', data: { backend } }],
  BackendServiceSet: [
    { type: 'BackendServiceSet', data: { backendId, service: 'draining', reason: 'maintenance tonight' } },
  ],
  BackendRemoved: [{ type: 'BackendRemoved', data: { backendId } }],
  ModelRegistered: [{ type: 'ModelRegistered', data: { ...settings, kind: 'chat', bounds } }],
  ModelChanged: [{ type: 'ModelChanged', data: settings }],
  ModelRetired: [{ type: 'ModelRetired', data: { modelId } }],
  PricesSet: [
    {
      type: 'PricesSet',
      data: {
        modelId,
        version: 2,
        effectiveFrom: epochMs(1_767_225_600_000),
        input: usd('2.5'),
        cachedInput: usd('0.25'),
        cacheWrite: usd('3.125'),
        output: usd('1000000'),
      },
    },
  ],
  PricesWithdrawn: [{ type: 'PricesWithdrawn', data: { modelId, version: 2 } }],
  BoundsDeclared: [
    {
      type: 'BoundsDeclared',
      data: { modelId, bounds: { ...bounds, imageTokensMax: 1, audioTokensMax: 2, fileTokensMax: 3 } },
    },
    { type: 'BoundsDeclared', data: { modelId, bounds } },
  ],
  BoundWithdrawn: [
    { type: 'BoundWithdrawn', data: { modelId, ...route, callId } },
    { type: 'BoundWithdrawn', data: { modelId, ...route, callId, organizationId, keyId } },
  ],
  ModelStopped: [
    { type: 'ModelStopped', data: { modelId, ...route, callId, organizationId, keyId } },
    { type: 'ModelStopped', data: { modelId, ...route, callId, organizationId } },
  ],
  ModelStopLifted: [
    { type: 'ModelStopLifted', data: { modelId, organizationId, keyId } },
    { type: 'ModelStopLifted', data: { modelId, organizationId } },
  ],
  RouteClosed: [
    { type: 'RouteClosed', data: { modelId, ...route, callId } },
    { type: 'RouteClosed', data: { modelId, ...route, callId, organizationId, keyId } },
  ],
  RouteReopened: [{ type: 'RouteReopened', data: { modelId, ...route } }],
};

describe('events of the catalogue', () => {
  it.each(goldenChecks({ codec: catalogueCodec, samples, folder: join(__dirname, 'golden') }))('$name', ({ run }) =>
    run(),
  );
});
