import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { ArrayMaxSize, IsArray, IsIn, IsInt, IsString, Max, Min } from 'class-validator';
import {
  ALLOWED_IPS_MAX,
  API_KEY_ENVIRONMENTS,
  API_KEY_SCOPES,
  type ApiKeyEnvironment,
  GRACE_SECONDS_MAX,
} from '#identity';
import type { ProjectId } from '#kernel';
import { LIST_ITEMS_MAX } from './organizations.dto';
import { IsId, IsInstant, IsPart, Nullable, Omittable } from './rules';

export const OWNER_TYPES = ['member', 'service-account'] as const;

export class ApiKeyOwnerDto {
  @ApiProperty({ enum: OWNER_TYPES })
  @IsIn(OWNER_TYPES)
  type!: (typeof OWNER_TYPES)[number];

  @ApiProperty()
  @IsString()
  id!: string;
}

export class IssueApiKeyDto {
  @ApiProperty({ example: 'website, production' })
  @IsString()
  name!: string;

  @ApiProperty({ type: String })
  @IsId('prj')
  projectId!: ProjectId;

  @ApiPropertyOptional()
  @Omittable()
  @IsPart(() => ApiKeyOwnerDto)
  owner?: ApiKeyOwnerDto;

  @ApiPropertyOptional({ enum: API_KEY_ENVIRONMENTS, default: 'live' })
  @Omittable()
  @IsIn(API_KEY_ENVIRONMENTS)
  environment?: ApiKeyEnvironment;

  @ApiPropertyOptional({ isArray: true, enum: API_KEY_SCOPES, default: ['inference'] })
  @Omittable()
  @IsString({ each: true })
  @ArrayMaxSize(API_KEY_SCOPES.length)
  @IsArray()
  scopes?: string[];

  @ApiPropertyOptional({ type: [String], description: 'Default: every model that the organization may use.' })
  @Omittable()
  @IsString({ each: true })
  @ArrayMaxSize(LIST_ITEMS_MAX)
  @IsArray()
  models?: string[];

  @ApiPropertyOptional({
    example: '2026-12-31T00:00:00Z',
    description: 'The first moment at which it no longer works.',
  })
  @Omittable()
  @IsInstant()
  expiresAt?: string;

  @ApiPropertyOptional({ type: [String], example: ['203.0.113.0/24'] })
  @Omittable()
  @IsString({ each: true })
  @ArrayMaxSize(ALLOWED_IPS_MAX)
  @IsArray()
  allowedIps?: string[];
}

export class ChangeApiKeyDto {
  @ApiPropertyOptional({ isArray: true, enum: API_KEY_SCOPES })
  @Omittable()
  @IsString({ each: true })
  @ArrayMaxSize(API_KEY_SCOPES.length)
  @IsArray()
  scopes?: string[];

  @ApiPropertyOptional({ type: [String], nullable: true, description: 'null lifts the restriction.' })
  @Nullable()
  @IsString({ each: true })
  @ArrayMaxSize(LIST_ITEMS_MAX)
  @IsArray()
  models?: string[] | null;

  @ApiPropertyOptional({ type: String, nullable: true, description: 'null: never.' })
  @Nullable()
  @IsInstant()
  expiresAt?: string | null;

  @ApiPropertyOptional({ type: [String], nullable: true, description: 'null lifts the restriction.' })
  @Nullable()
  @IsString({ each: true })
  @ArrayMaxSize(ALLOWED_IPS_MAX)
  @IsArray()
  allowedIps?: string[] | null;
}

export class RotateApiKeyDto {
  @ApiProperty({ minimum: 0, maximum: GRACE_SECONDS_MAX, description: 'How long the old secret lives on.' })
  @Max(GRACE_SECONDS_MAX)
  @Min(0)
  @IsInt()
  graceSeconds!: number;
}
