import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { ArrayMaxSize, IsArray, IsIn, IsInt, IsString, Min } from 'class-validator';
import {
  type BudgetMode,
  type BudgetPeriod,
  type BudgetScope,
  type BudgetUnit,
  budgetModeSchema,
  budgetPeriodSchema,
  budgetUnitSchema,
  DEFAULT_THRESHOLDS,
  THRESHOLDS_MAX,
} from '#ledger';
import { IsPart, IsUsd, Omittable } from './rules';

export const BUDGET_SCOPE_TYPES = ['organization', 'team', 'project', 'api-key', 'model'] as const;
const UNITS = budgetUnitSchema.options;
const PERIODS = budgetPeriodSchema.options;
const MODES = budgetModeSchema.options;

const LIMIT = 'For cost in USD, such as "100" or "0.5"; otherwise a whole number of tokens or requests. A string.';
const MODE = 'block refuses calls, warn lets them pass and says so, notify only records it.';
const THRESHOLDS = {
  type: Number,
  isArray: true,
  description: 'Percentages of the limit.',
  default: [...DEFAULT_THRESHOLDS],
};

export class BudgetScopeDto {
  @ApiProperty({ enum: BUDGET_SCOPE_TYPES })
  @IsIn(BUDGET_SCOPE_TYPES)
  type!: BudgetScope['type'];

  @ApiPropertyOptional({ description: 'Of which team, project, key or model; none for the organization.' })
  @Omittable()
  @IsString()
  id?: string;
}

export class DefineBudgetDto {
  @ApiProperty({ example: 'Everything' })
  @IsString()
  name!: string;

  @ApiProperty()
  @IsPart(() => BudgetScopeDto)
  scope!: BudgetScopeDto;

  @ApiProperty({ enum: UNITS })
  @IsIn(UNITS)
  unit!: BudgetUnit;

  @ApiProperty({ enum: PERIODS })
  @IsIn(PERIODS)
  period!: BudgetPeriod;

  @ApiProperty({ example: '100', description: LIMIT })
  @IsString()
  limit!: string;

  @ApiProperty({ enum: MODES, description: MODE })
  @IsIn(MODES)
  mode!: BudgetMode;

  @ApiPropertyOptional(THRESHOLDS)
  @Omittable()
  @IsInt({ each: true })
  @ArrayMaxSize(THRESHOLDS_MAX)
  @IsArray()
  thresholds?: number[];

  @ApiPropertyOptional({ default: 'UTC', example: 'Europe/Berlin', description: 'IANA name; where periods begin.' })
  @Omittable()
  @IsString()
  timeZone?: string;
}

export class ChangeBudgetDto {
  @ApiPropertyOptional()
  @Omittable()
  @IsString()
  name?: string;

  @ApiPropertyOptional({ description: `${LIMIT} What was spent stays counted.` })
  @Omittable()
  @IsString()
  limit?: string;

  @ApiPropertyOptional({ enum: MODES, description: MODE })
  @Omittable()
  @IsIn(MODES)
  mode?: BudgetMode;

  @ApiPropertyOptional(THRESHOLDS)
  @Omittable()
  @IsInt({ each: true })
  @ArrayMaxSize(THRESHOLDS_MAX)
  @IsArray()
  thresholds?: number[];
}

/** The whole set: what is absent is not limited. */
export class LimitsDto {
  @ApiPropertyOptional({ minimum: 0 })
  @Omittable()
  @Min(0)
  @IsInt()
  requestsPerMinute?: number;

  @ApiPropertyOptional({ minimum: 0, description: 'The most requests at once after a quiet time.' })
  @Omittable()
  @Min(0)
  @IsInt()
  burst?: number;

  @ApiPropertyOptional({ minimum: 0 })
  @Omittable()
  @Min(0)
  @IsInt()
  tokensPerMinute?: number;

  @ApiPropertyOptional({ minimum: 0 })
  @Omittable()
  @Min(0)
  @IsInt()
  concurrency?: number;
}

export class ResolveCallDto {
  @ApiProperty({ example: '0.0123', description: 'What the call cost, in USD.' })
  @IsUsd()
  cost!: string;

  @ApiProperty({ example: 'As on the invoice of the provider.' })
  @IsString()
  reason!: string;
}
