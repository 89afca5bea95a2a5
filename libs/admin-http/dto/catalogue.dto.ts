import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { ArrayMaxSize, IsArray, IsBoolean, IsIn, IsInt, IsString, Min } from 'class-validator';
import {
  BACKEND_KINDS,
  type BackendKind,
  MODEL_KINDS,
  type ModelKind,
  OUTPUT_CAP_CHOICES,
  type OutputCapChoice,
  ROUTES_MAX,
  VISIBILITIES,
} from '#inference/catalogue';
import { IsCredential, IsInstant, IsPart, IsUsd, Nullable, Omittable } from './rules';

const FIELDS_MAX = 100;
const YES_NO = ['yes', 'no'] as const;
export class TimeoutsDto {
  @ApiPropertyOptional({ description: 'Milliseconds.' })
  @Omittable()
  @IsInt()
  connectMs?: number;

  @ApiPropertyOptional({ description: 'Milliseconds to the first byte.' })
  @Omittable()
  @IsInt()
  firstByteMs?: number;

  @ApiPropertyOptional({ description: 'Milliseconds between bytes.' })
  @Omittable()
  @IsInt()
  idleMs?: number;
}

class BackendSettingsDto {
  @ApiPropertyOptional({
    example: 'https://api.example.com/v1',
    description: 'Up to the version of the API; without one it is completed with /v1. Not needed for the simulator.',
  })
  @Omittable()
  @IsString()
  baseUrl?: string;

  @ApiPropertyOptional()
  @Omittable()
  @IsPart(() => TimeoutsDto)
  timeouts?: TimeoutsDto;

  @ApiPropertyOptional({
    enum: OUTPUT_CAP_CHOICES,
    default: 'auto',
    description: 'auto: the field that the client used, else the one that the host wants.',
  })
  @Omittable()
  @IsIn(OUTPUT_CAP_CHOICES)
  outputCapField?: OutputCapChoice;

  @ApiPropertyOptional({ enum: YES_NO, description: 'Whether it reports usage in a stream when asked to.' })
  @Omittable()
  @IsIn(YES_NO)
  streamUsage?: (typeof YES_NO)[number];

  @ApiPropertyOptional({ type: [String], description: 'Request fields that it rejects.' })
  @Omittable()
  @IsString({ each: true })
  @ArrayMaxSize(FIELDS_MAX)
  @IsArray()
  dropFields?: string[];

  @ApiPropertyOptional({
    type: [String],
    description: 'Request fields, or members such as thinking.budget, that no route knows and that may be passed on.',
  })
  @Omittable()
  @IsString({ each: true })
  @ArrayMaxSize(FIELDS_MAX)
  @IsArray()
  allowFields?: string[];

  @ApiPropertyOptional({
    type: [String],
    description: 'Values of anthropic-beta that may be passed on, beside those that change no price.',
  })
  @Omittable()
  @IsString({ each: true })
  @ArrayMaxSize(FIELDS_MAX)
  @IsArray()
  allowBetas?: string[];

  @ApiPropertyOptional({
    default: false,
    description: 'Whether every 5xx before the first byte is never billed. Of the simulator they never are.',
  })
  @Omittable()
  @IsBoolean()
  unbilledServerErrors?: boolean;

  @ApiPropertyOptional({
    default: true,
    description:
      'Whether an overload is never billed: 500, 503 and 529 before the first byte, and an error in place of any output. Where only unbilledServerErrors is named, it says both.',
  })
  @Omittable()
  @IsBoolean()
  unbilledOverload?: boolean;
}

export class RegisterBackendDto extends BackendSettingsDto {
  @ApiProperty({ example: 'provider' })
  @IsString()
  name!: string;

  @ApiProperty({ enum: BACKEND_KINDS })
  @IsIn(BACKEND_KINDS)
  kind!: BackendKind;

  @ApiPropertyOptional({ description: 'Stored encrypted and never shown again.', writeOnly: true })
  @Omittable()
  @IsCredential()
  apiKey?: string;
}

export class ChangeBackendDto extends BackendSettingsDto {
  @ApiPropertyOptional()
  @Omittable()
  @IsString()
  name?: string;

  @ApiPropertyOptional({ type: String, nullable: true, writeOnly: true, description: 'null removes it.' })
  @Nullable()
  @IsCredential()
  apiKey?: string | null;
}

export class RouteDto {
  @ApiProperty({ description: 'Id or name of a backend.' })
  @IsString()
  backend!: string;

  @ApiProperty({ description: 'What the backend calls the model.' })
  @IsString()
  upstreamModel!: string;

  @ApiPropertyOptional({ default: 1 })
  @Omittable()
  @IsInt()
  weight?: number;
}

/** Which of a model's routes to open again. */
export class ReopenRouteDto {
  @ApiProperty({ description: 'Id or name of a backend.' })
  @IsString()
  backend!: string;

  @ApiProperty({ description: 'What the backend calls the model.' })
  @IsString()
  upstreamModel!: string;
}

/** Whose calls of a model are allowed again. */
export class LiftStopDto {
  @ApiProperty()
  @IsString()
  organizationId!: string;

  @ApiPropertyOptional({ description: 'Absent: the stop of the whole organization.' })
  @Omittable()
  @IsString()
  apiKeyId?: string;
}

export class BoundsDto {
  @ApiPropertyOptional({ description: '1 for byte-level BPE, 3 for NFC, 11 for NFKC.' })
  @Omittable()
  @IsInt()
  textFactor?: number;

  @ApiPropertyOptional()
  @Omittable()
  @IsInt()
  requestOverheadTokens?: number;

  @ApiPropertyOptional()
  @Omittable()
  @IsInt()
  messageOverheadTokens?: number;

  @ApiPropertyOptional()
  @Omittable()
  @IsInt()
  toolOverheadTokens?: number;

  @ApiPropertyOptional()
  @Omittable()
  @IsInt()
  imageTokensMax?: number;

  @ApiPropertyOptional()
  @Omittable()
  @IsInt()
  audioTokensMax?: number;

  @ApiPropertyOptional()
  @Omittable()
  @IsInt()
  fileTokensMax?: number;
}

export class PricesDto {
  @ApiPropertyOptional({ description: 'Not in the past; default: now.' })
  @Omittable()
  @IsInstant()
  effectiveFrom?: string;

  @ApiProperty({ example: '0.15', description: 'USD per million tokens.' })
  @IsUsd()
  input!: string;

  @ApiPropertyOptional({ description: 'Default: as input.' })
  @Omittable()
  @IsUsd()
  cachedInput?: string;

  @ApiPropertyOptional({ description: 'Default: as input.' })
  @Omittable()
  @IsUsd()
  cacheWrite?: string;

  @ApiProperty({ example: '0.60' })
  @IsUsd()
  output!: string;
}

/** Which of a model's prices that are to begin later never do. */
export class WithdrawPricesDto {
  @ApiProperty({ example: 2, description: 'Of prices that have not begun.' })
  @Min(1)
  @IsInt()
  version!: number;
}

class ModelSettingsDto {
  @ApiPropertyOptional({ enum: VISIBILITIES, default: 'all' })
  @Omittable()
  @IsIn(VISIBILITIES)
  visibility?: 'all' | 'granted';

  @ApiPropertyOptional()
  @Omittable()
  @Min(0)
  @IsInt()
  maxOutputTokens?: number;

  @ApiPropertyOptional({ description: 'Held when a client names no cap; default maxOutputTokens.' })
  @Omittable()
  @Min(0)
  @IsInt()
  defaultOutputTokens?: number;

  @ApiPropertyOptional({ description: 'Generates tokens that it does not show.' })
  @Omittable()
  @IsBoolean()
  hiddenReasoning?: boolean;

  @ApiPropertyOptional({ description: 'The whole set: what is absent is the default.' })
  @Omittable()
  @IsPart(() => BoundsDto)
  bounds?: BoundsDto;
}

export class RegisterModelDto extends ModelSettingsDto {
  @ApiProperty({ example: 'maker/model', description: 'May hold slashes.' })
  @IsString()
  id!: string;

  @ApiProperty({ enum: MODEL_KINDS })
  @IsIn(MODEL_KINDS)
  kind!: ModelKind;

  @ApiProperty({ type: [RouteDto] })
  @IsPart(() => RouteDto, { each: true })
  @ArrayMaxSize(ROUTES_MAX)
  @IsArray()
  routes!: RouteDto[];

  @ApiProperty({ example: 128_000 })
  @IsInt()
  contextTokens!: number;

  @ApiPropertyOptional({ description: 'A model without prices cannot be called.' })
  @Omittable()
  @IsPart(() => PricesDto)
  prices?: PricesDto;
}

export class ChangeModelDto extends ModelSettingsDto {
  @ApiPropertyOptional({ type: [RouteDto] })
  @Omittable()
  @IsPart(() => RouteDto, { each: true })
  @ArrayMaxSize(ROUTES_MAX)
  @IsArray()
  routes?: RouteDto[];

  @ApiPropertyOptional()
  @Omittable()
  @IsInt()
  contextTokens?: number;
}
