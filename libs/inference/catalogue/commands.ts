import type {
  ApiKeyId,
  BackendId,
  CallId,
  Decision,
  EpochMs,
  ModelId,
  NanoUsd,
  OrganizationId,
  Refusal,
} from '#kernel';
import { refused } from '#kernel';
import type { CatalogueEvent } from './events';
import type {
  BackendKind,
  BackendService,
  BackendTimeouts,
  EncryptedSecret,
  ModelBounds,
  ModelKind,
  OutputCapChoice,
} from './types';

export interface BackendSettings {
  readonly name: string;
  /** Needed but for the simulator, which is nowhere. */
  readonly baseUrl?: string;
  readonly credential?: EncryptedSecret;
  /** Default: 5 s to connect, 600 s to the first byte, 120 s between bytes. */
  readonly timeouts?: Partial<BackendTimeouts>;
  /** Default: `auto`. Named for servers that understand one of them only. */
  readonly outputCapField?: OutputCapChoice;
  /** Default: true. */
  readonly streamUsage?: boolean;
  readonly dropFields?: readonly string[];
  readonly allowFields?: readonly string[];
  readonly allowBetas?: readonly string[];
  /** Default: only the simulator's are known never to be billed. */
  readonly unbilledServerErrors?: boolean;
  /** Default: as `unbilledServerErrors` where that is named, else true. */
  readonly unbilledOverload?: boolean;
}

export interface RegisterBackend extends BackendSettings {
  readonly type: 'RegisterBackend';
  readonly id: BackendId;
  readonly kind: BackendKind;
}

/** What is not named stays; a credential of `null` is removed. The kind never changes: it decides what is billed how. */
export interface ChangeBackend extends Partial<Omit<BackendSettings, 'credential'>> {
  readonly type: 'ChangeBackend';
  readonly id: BackendId;
  readonly credential?: EncryptedSecret | null;
}

export interface RemoveBackend {
  readonly type: 'RemoveBackend';
  readonly id: BackendId;
}

/** An operator takes a backend out of the way of calls, or back in. */
export interface SetBackendService {
  readonly type: 'SetBackendService';
  readonly id: BackendId;
  readonly service: BackendService;
  readonly reason: string;
}

export interface RouteSettings {
  readonly backendId: BackendId;
  readonly upstreamModel: string;
  /** Default: 1. */
  readonly weight?: number;
}

export interface ModelSettings {
  /** Default: `all`. */
  readonly visibility?: 'all' | 'granted';
  readonly routes: readonly RouteSettings[];
  readonly contextTokens: number;
  /** Of an embedding model: 0, which may be left out. */
  readonly maxOutputTokens?: number;
  /** Of calls without a cap of their own. Default: maxOutputTokens, also when that changes. */
  readonly defaultOutputTokens?: number;
  /** Default: false. */
  readonly hiddenReasoning?: boolean;
}

/** Also brings a retired model back: with the price versions that it had, and with what was closed still closed. */
export interface RegisterModel extends ModelSettings {
  readonly type: 'RegisterModel';
  readonly id: string;
  readonly kind: ModelKind;
  /** See DeclareBounds. */
  readonly bounds?: Partial<ModelBounds>;
}

/** What is not named stays. Kind and bounds are no settings; prices have versions. */
export interface ChangeModel extends Partial<ModelSettings> {
  readonly type: 'ChangeModel';
  readonly id: ModelId;
}

export interface RetireModel {
  readonly type: 'RetireModel';
  readonly id: ModelId;
}

/** Nano-USD per million tokens; what is not named costs what input costs. */
export interface PriceSettings {
  readonly input: NanoUsd;
  readonly cachedInput?: NanoUsd;
  readonly cacheWrite?: NanoUsd;
  readonly output: NanoUsd;
}

export interface SetPrices {
  readonly type: 'SetPrices';
  readonly at: EpochMs;
  readonly modelId: ModelId;
  /** Not in the past, for what was charged stays charged. Default: from now on. */
  readonly effectiveFrom?: EpochMs;
  readonly prices: PriceSettings;
}

/** Prices that are to begin later never do. What has begun stays: calls were charged by it, and newer prices replace it. */
export interface WithdrawPrices {
  readonly type: 'WithdrawPrices';
  readonly at: EpochMs;
  readonly modelId: ModelId;
  readonly version: number;
}

/**
 * Replaces all bounds of a model; what is not named is the default. Lifts a withdrawal and all that came of it: stops,
 * and closed routes.
 */
export interface DeclareBounds {
  readonly type: 'DeclareBounds';
  readonly modelId: ModelId;
  readonly bounds: Partial<ModelBounds>;
}

/**
 * A call cost more than it held. The first report that disproves the model's bounds withdraws them, so that every call
 * holds what is proven; another one of the same key stops that key on the model, of another key of its organization the
 * organization, of another organization closes the route: then nothing bounds what it charges. One that disproves no
 * bound stops its key at once, then its organization, and closes the route with the third organization.
 */
export interface RecordExcess {
  readonly type: 'RecordExcess';
  readonly modelId: ModelId;
  readonly callId: CallId;
  readonly backendId: BackendId;
  readonly upstreamModel: string;
  readonly organizationId: OrganizationId;
  readonly keyId: ApiKeyId;
  /** Whether it held what an excess before it had proven; one that ran at the same time proves nothing more. */
  readonly heldProvenBound: boolean;
  /**
   * Whether more was read than was bounded. Otherwise the backend generated more than its cap, or says what cannot be:
   * no other bound would have held that, and the bound of the input is as good as it was.
   */
  readonly disprovesBound: boolean;
}

/** An operator lets a key, or an organization, call a model again. */
export interface LiftModelStop {
  readonly type: 'LiftModelStop';
  readonly modelId: ModelId;
  readonly organizationId: OrganizationId;
  readonly keyId?: ApiKeyId;
}

/** An operator's decision, once bounds are declared again. */
export interface ReopenRoute {
  readonly type: 'ReopenRoute';
  readonly modelId: ModelId;
  readonly backendId: BackendId;
  readonly upstreamModel: string;
}

export type CatalogueCommand =
  | RegisterBackend
  | ChangeBackend
  | RemoveBackend
  | SetBackendService
  | RegisterModel
  | ChangeModel
  | RetireModel
  | SetPrices
  | WithdrawPrices
  | DeclareBounds
  | RecordExcess
  | LiftModelStop
  | ReopenRoute;

/**
 * In order of precedence: whether the thing that a command changes is there; whether the command makes sense by itself;
 * whether what else it names is there; whether it fits what is there.
 */
export const CATALOGUE_REFUSALS = [
  'backend_not_found',
  'model_not_found',
  'invalid_name',
  'invalid_base_url',
  'invalid_timeouts',
  'invalid_drop_fields',
  'invalid_allow_fields',
  'invalid_allow_betas',
  'invalid_reason',
  'invalid_model_id',
  'invalid_context_tokens',
  'invalid_output_tokens',
  'invalid_routes',
  'invalid_bounds',
  'invalid_prices',
  'route_backend_not_found',
  'route_not_found',
  'price_version_not_found',
  'backend_exists',
  'model_exists',
  'name_taken',
  'backend_in_use',
  'bound_withdrawn',
  'effective_from_in_past',
  'prices_in_force',
  'credential_needed',
] as const;
export type CatalogueRefusal = Refusal<(typeof CATALOGUE_REFUSALS)[number]>;
export type CatalogueDecision = Decision<CatalogueEvent, CatalogueRefusal>;

export function no(code: CatalogueRefusal['code'], message: string, details?: unknown) {
  return refused<CatalogueRefusal>({ code, message, ...(details === undefined ? {} : { details }) });
}
