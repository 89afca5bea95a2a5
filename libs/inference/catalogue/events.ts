import { z } from 'zod';
import type { ApiKeyId, BackendId, CallId, EventSchema, EventsOf, ModelId, OrganizationId } from '#kernel';
import { brandedField, countField, epochMsField, eventCodec, nanoUsdField } from '#kernel';

export const BACKEND_KINDS = ['openai', 'anthropic', 'simulator'] as const;
export const MODEL_KINDS = ['chat', 'completion', 'embedding'] as const;
export const OUTPUT_CAP_FIELDS = ['max_tokens', 'max_completion_tokens'] as const;
/** As commands name it: an event leaves `auto` out. */
export const OUTPUT_CAP_CHOICES = [...OUTPUT_CAP_FIELDS, 'auto'] as const;
export const BACKEND_SERVICES = ['in-service', 'degraded', 'draining', 'out-of-service'] as const;
export const VISIBILITIES = ['all', 'granted'] as const;

const backendId = brandedField<BackendId>();
const modelId = brandedField<ModelId>();
const callId = brandedField<CallId>();
const organizationId = brandedField<OrganizationId>();
const keyId = brandedField<ApiKeyId>();

const backend = z.object({
  id: backendId,
  name: z.string(),
  kind: z.enum(BACKEND_KINDS),
  baseUrl: z.string(),
  credential: z.object({ subject: z.string(), keyVersion: countField, ciphertext: z.string() }).exactOptional(),
  timeouts: z.object({ connectMs: countField, firstByteMs: countField, idleMs: countField }),
  outputCapField: z.enum(OUTPUT_CAP_FIELDS).exactOptional(),
  streamUsage: z.boolean(),
  dropFields: z.array(z.string()).readonly(),
  allowFields: z.array(z.string()).readonly().exactOptional(),
  allowBetas: z.array(z.string()).readonly().exactOptional(),
  unbilledServerErrors: z.boolean(),
  unbilledOverload: z.boolean().exactOptional(),
});

const bounds = z.object({
  textFactor: countField,
  requestOverheadTokens: countField,
  messageOverheadTokens: countField,
  toolOverheadTokens: countField,
  imageTokensMax: countField.exactOptional(),
  audioTokensMax: countField.exactOptional(),
  fileTokensMax: countField.exactOptional(),
});

const route = { backendId, upstreamModel: z.string() };

/** Whose call it was; absent on record from before this was known. */
const who = { organizationId: organizationId.exactOptional(), keyId: keyId.exactOptional() };

const settings = {
  modelId,
  visibility: z.enum(VISIBILITIES),
  routes: z.array(z.object({ ...route, weight: countField })).readonly(),
  contextTokens: countField,
  maxOutputTokens: countField,
  defaultOutputTokens: countField,
  hiddenReasoning: z.boolean(),
};

/** Version 1 always named the field of the output cap, and means what it says. */
const asItIs = (stored: unknown): unknown => stored;

const schemas = {
  BackendRegistered: { version: 2, data: z.object({ backend }), upcasts: { 1: asItIs } },
  /** Carries the whole backend as it is from now on. */
  BackendChanged: { version: 2, data: z.object({ backend }), upcasts: { 1: asItIs } },
  BackendServiceSet: {
    version: 1,
    data: z.object({ backendId, service: z.enum(BACKEND_SERVICES), reason: z.string() }),
  },
  BackendRemoved: { version: 1, data: z.object({ backendId }) },

  ModelRegistered: { version: 1, data: z.object({ ...settings, kind: z.enum(MODEL_KINDS), bounds }) },
  /** Carries all settings as they are from now on; kind and bounds are no settings. */
  ModelChanged: { version: 1, data: z.object(settings) },
  ModelRetired: { version: 1, data: z.object({ modelId }) },

  PricesSet: {
    version: 2,
    data: z.object({
      modelId,
      version: countField,
      effectiveFrom: epochMsField,
      input: nanoUsdField,
      cachedInput: nanoUsdField,
      cacheWrite: nanoUsdField,
      output: nanoUsdField,
      /** Only on record from version 1, when new prices also replaced what had been set for later than they began. */
      replacesLater: z.boolean().exactOptional(),
    }),
    upcasts: { 1: (stored) => ({ ...z.looseObject({}).parse(stored), replacesLater: true }) },
  },
  /** Prices that were to begin later never do. */
  PricesWithdrawn: { version: 1, data: z.object({ modelId, version: countField }) },

  BoundsDeclared: { version: 1, data: z.object({ modelId, bounds }) },
  /** The call exceeded what the bounds promised: from now on every call holds the whole context. */
  BoundWithdrawn: { version: 1, data: z.object({ modelId, ...route, callId, ...who }) },
  /** A key whose calls exceeded the proven bound, or, without a key, the organization of several: they call it no more. */
  ModelStopped: {
    version: 1,
    data: z.object({ modelId, ...route, callId, organizationId, keyId: keyId.exactOptional() }),
  },
  ModelStopLifted: { version: 1, data: z.object({ modelId, organizationId, keyId: keyId.exactOptional() }) },
  /** Calls of several organizations exceeded their holds although the bound was withdrawn already. */
  RouteClosed: { version: 1, data: z.object({ modelId, ...route, callId, ...who }) },
  RouteReopened: { version: 1, data: z.object({ modelId, ...route }) },
} satisfies Record<string, EventSchema<object>>;

export type CatalogueEvent = EventsOf<typeof schemas>;
export type CatalogueEventData<T extends CatalogueEvent['type']> = Extract<CatalogueEvent, { type: T }>['data'];
export const catalogueCodec = eventCodec<CatalogueEvent>(schemas);
