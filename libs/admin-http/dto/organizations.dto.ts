import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { ArrayMaxSize, IsArray, IsIn, IsInt, IsString } from 'class-validator';
import {
  ANSWERS_STORAGE,
  type AnswersStorage,
  RESPONSE_CACHE_SCOPES,
  type ResponseCacheScope,
  SERVICE_ACCOUNT_ROLES,
} from '#identity';
import type { TeamId } from '#kernel';
import { IsId, IsPart, Nullable, Omittable } from './rules';

export const LIST_ITEMS_MAX = 5_000;

export class RegisterOrganizationDto {
  @ApiProperty({ example: 'Acme' })
  @IsString()
  name!: string;

  @ApiProperty({
    example: 'acme',
    description: 'Unique and never changed: 2 to 63 lowercase letters, digits, hyphens.',
  })
  @IsString()
  slug!: string;
}

export class ResponseCacheDto {
  @ApiProperty({ description: 'How long an answer may be given again.' })
  @IsInt()
  ttlSeconds!: number;

  @ApiProperty({ description: 'What an answer from the cache costs, in percent of what it would have cost.' })
  @IsInt()
  hitPricePercent!: number;

  @ApiPropertyOptional({
    enum: RESPONSE_CACHE_SCOPES,
    default: 'project',
    description: 'Whose equal requests share answers: those of a project, or of all projects of the organization.',
  })
  @Omittable()
  @IsIn(RESPONSE_CACHE_SCOPES)
  scope?: ResponseCacheScope;
}

export class ChangeOrganizationDto {
  @ApiPropertyOptional()
  @Omittable()
  @IsString()
  name?: string;

  @ApiPropertyOptional({ type: String, nullable: true })
  @Nullable()
  @IsString()
  description?: string | null;

  @ApiPropertyOptional({ type: String, nullable: true })
  @Nullable()
  @IsString()
  website?: string | null;

  @ApiPropertyOptional({ enum: ANSWERS_STORAGE, description: 'Whether answers may be kept for repeated requests.' })
  @Omittable()
  @IsIn(ANSWERS_STORAGE)
  answersStorage?: AnswersStorage;

  @ApiPropertyOptional({ type: ResponseCacheDto, nullable: true, description: 'null turns it off.' })
  @Nullable()
  @IsPart(() => ResponseCacheDto)
  responseCache?: ResponseCacheDto | null;
}

export class ReasonDto {
  @ApiProperty({ example: 'The key was published by mistake.' })
  @IsString()
  reason!: string;
}

/** For commands that need no word more. */
export class NothingDto {}

export class GrantedModelsDto {
  @ApiProperty({ type: [String], description: 'The whole list of models beyond those that are open to all.' })
  @IsString({ each: true })
  @ArrayMaxSize(LIST_ITEMS_MAX)
  @IsArray()
  models!: string[];
}

export class CreateProjectDto {
  @ApiProperty({ example: 'Website' })
  @IsString()
  name!: string;

  @ApiPropertyOptional({ type: String })
  @Omittable()
  @IsId('team')
  teamId?: TeamId;
}

export class ChangeProjectDto {
  @ApiPropertyOptional()
  @Omittable()
  @IsString()
  name?: string;

  @ApiPropertyOptional({ type: String, nullable: true, description: 'null: to no team.' })
  @Nullable()
  @IsId('team')
  teamId?: TeamId | null;
}

export class NameDto {
  @ApiProperty()
  @IsString()
  name!: string;
}

export class CreateServiceAccountDto {
  @ApiProperty({ example: 'deployment' })
  @IsString()
  name!: string;

  @ApiProperty({ isArray: true, enum: SERVICE_ACCOUNT_ROLES })
  @IsString({ each: true })
  @ArrayMaxSize(SERVICE_ACCOUNT_ROLES.length)
  @IsArray()
  roles!: string[];
}

export class ChangeServiceAccountDto {
  @ApiPropertyOptional()
  @Omittable()
  @IsString()
  name?: string;

  @ApiPropertyOptional({ isArray: true, enum: SERVICE_ACCOUNT_ROLES })
  @Omittable()
  @IsString({ each: true })
  @ArrayMaxSize(SERVICE_ACCOUNT_ROLES.length)
  @IsArray()
  roles?: string[];
}
