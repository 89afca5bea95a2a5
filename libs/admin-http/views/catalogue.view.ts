import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import {
  BACKEND_KINDS,
  BACKEND_SERVICES,
  type Backend,
  type BackendService,
  type BackendTimeouts,
  type CatalogueState,
  currentPrices,
  findBackend,
  MODEL_KINDS,
  type Model,
  type ModelBounds,
  OUTPUT_CAP_CHOICES,
  type PriceVersion,
  VISIBILITIES,
} from '#inference/catalogue';
import { type EpochMs, formatInstant, formatUsd } from '#kernel';
import { BoundsDto, TimeoutsDto } from '../dto/catalogue.dto';
import { createdAt } from './organizations.view';

export class BackendView {
  @ApiProperty()
  id!: string;
  @ApiProperty()
  name!: string;
  @ApiProperty({ enum: BACKEND_KINDS })
  kind!: string;
  @ApiProperty()
  baseUrl!: string;
  @ApiProperty({ description: 'Whether a credential is stored; it is never shown.' })
  hasApiKey!: boolean;
  @ApiProperty({ type: TimeoutsDto })
  timeouts!: BackendTimeouts;
  @ApiProperty({ enum: OUTPUT_CAP_CHOICES })
  outputCapField!: string;
  @ApiProperty({ enum: ['yes', 'no'] })
  streamUsage!: 'yes' | 'no';
  @ApiProperty({ type: [String] })
  dropFields!: readonly string[];
  @ApiProperty({ type: [String] })
  allowFields!: readonly string[];
  @ApiProperty({ type: [String] })
  allowBetas!: readonly string[];
  @ApiProperty()
  unbilledServerErrors!: boolean;
  @ApiProperty()
  unbilledOverload!: boolean;
  @ApiProperty({ enum: BACKEND_SERVICES })
  service!: BackendService;
  @ApiProperty()
  createdAt!: string;
}

export function backendView(backend: Backend): BackendView {
  const { id, name, kind, baseUrl, credential, timeouts, dropFields, unbilledServerErrors } = backend;
  return {
    id,
    name,
    kind,
    baseUrl,
    hasApiKey: credential !== undefined,
    timeouts,
    outputCapField: backend.outputCapField ?? 'auto',
    streamUsage: backend.streamUsage ? 'yes' : 'no',
    dropFields,
    allowFields: backend.allowFields ?? [],
    allowBetas: backend.allowBetas ?? [],
    unbilledServerErrors,
    unbilledOverload: backend.unbilledOverload ?? unbilledServerErrors,
    service: backend.service ?? 'in-service',
    createdAt: createdAt(id),
  };
}

export class RemovedView {
  @ApiProperty()
  id!: string;
  @ApiProperty({ enum: ['removed', 'retired'] })
  status!: 'removed' | 'retired';
}

const PRICES_STATUSES = ['past', 'in-force', 'scheduled', 'withdrawn'] as const;
type PricesStatus = (typeof PRICES_STATUSES)[number];

export class PricesView {
  @ApiProperty()
  version!: number;
  @ApiProperty()
  effectiveFrom!: string;
  @ApiProperty({ example: '0.15', description: 'USD per million tokens.' })
  input!: string;
  @ApiProperty()
  cachedInput!: string;
  @ApiProperty()
  cacheWrite!: string;
  @ApiProperty()
  output!: string;
  @ApiProperty({ enum: PRICES_STATUSES, description: 'scheduled: in force from its time on, unless withdrawn.' })
  status!: PricesStatus;
}

function statusOf(prices: PriceVersion, model: Model, at: EpochMs): PricesStatus {
  if (prices.withdrawn === true) return 'withdrawn';
  if (prices.effectiveFrom > at) return 'scheduled';
  return currentPrices(model, at) === prices ? 'in-force' : 'past';
}

export function pricesView(prices: PriceVersion, model: Model, at: EpochMs): PricesView {
  const { version, effectiveFrom, ...list } = prices;
  return {
    version,
    effectiveFrom: formatInstant(effectiveFrom),
    input: formatUsd(list.input),
    cachedInput: formatUsd(list.cachedInput),
    cacheWrite: formatUsd(list.cacheWrite),
    output: formatUsd(list.output),
    status: statusOf(prices, model, at),
  };
}

export class RouteView {
  @ApiProperty({ description: "The backend's id." })
  backend!: string;
  @ApiProperty()
  backendName!: string;
  @ApiProperty()
  upstreamModel!: string;
  @ApiProperty()
  weight!: number;
  @ApiPropertyOptional({ description: 'Calls exceeded what they held: nothing goes there until it is reopened.' })
  closed?: boolean;
}

export class ModelStopView {
  @ApiProperty()
  organizationId!: string;
  @ApiPropertyOptional({ description: 'Absent: every key of the organization.' })
  apiKeyId?: string;
}

export class ModelView {
  @ApiProperty()
  id!: string;
  @ApiProperty({ enum: MODEL_KINDS })
  kind!: string;
  @ApiProperty({ enum: VISIBILITIES })
  visibility!: string;
  @ApiProperty({ type: [RouteView] })
  routes!: readonly RouteView[];
  @ApiProperty()
  contextTokens!: number;
  @ApiProperty()
  maxOutputTokens!: number;
  @ApiProperty()
  defaultOutputTokens!: number;
  @ApiProperty()
  hiddenReasoning!: boolean;
  @ApiProperty({ type: BoundsDto })
  bounds!: ModelBounds;
  @ApiProperty({ description: 'A call exceeded its bound: every call holds the whole context.' })
  boundWithdrawn!: boolean;
  @ApiProperty({
    type: [ModelStopView],
    description: 'Whose calls are refused, for they exceeded what they held again.',
  })
  stops!: readonly ModelStopView[];
  @ApiProperty({ type: PricesView, nullable: true, description: 'As of now; null: it cannot be called.' })
  prices!: PricesView | null;
}

export function modelView(model: Model, catalogue: CatalogueState, at: EpochMs): ModelView {
  const { id, kind, visibility, contextTokens, maxOutputTokens, defaultOutputTokens, hiddenReasoning, bounds } = model;
  const prices = currentPrices(model, at);
  return {
    id,
    kind,
    visibility,
    routes: model.routes.map(({ backendId, upstreamModel, weight, closed }) => ({
      backend: backendId,
      backendName: findBackend(catalogue, backendId)?.name ?? '',
      upstreamModel,
      weight,
      ...(closed === true ? { closed } : {}),
    })),
    contextTokens,
    maxOutputTokens,
    defaultOutputTokens,
    hiddenReasoning,
    bounds,
    boundWithdrawn: model.boundWithdrawn === true,
    stops: (model.stops ?? []).map(({ organizationId, keyId }) => ({
      organizationId,
      ...(keyId === undefined ? {} : { apiKeyId: keyId }),
    })),
    prices: prices === undefined ? null : pricesView(prices, model, at),
  };
}
