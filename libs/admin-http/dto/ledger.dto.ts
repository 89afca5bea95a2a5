import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { ArrayMaxSize, IsArray, IsIn, IsInt, IsString, Max, Min } from 'class-validator';
import {
  type BudgetMode,
  type BudgetPeriod,
  type BudgetScope,
  type BudgetUnit,
  budgetModeSchema,
  budgetPeriodSchema,
  budgetUnitSchema,
  DEFAULT_THRESHOLDS,
  POLICY_SECONDS_MAX,
  RESOLVED_AT_ONCE_MAX,
  THRESHOLDS_MAX,
  type UnresolvedPolicy,
  unresolvedPolicySchema,
} from '#ledger';
import { IsId, IsInstant, IsPart, IsUsd, Omittable } from './rules';

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

  @ApiPropertyOptional({
    example: '0.5',
    description: 'The most that one call may hold, in USD; of an organization: any of its calls.',
  })
  @Omittable()
  @IsUsd()
  callCostMax?: string;

  @ApiPropertyOptional({
    example: '5',
    description:
      'Once calls of a key hold so much that nobody knows the cost of, in USD, it is admitted no further call; of an organization: each of its keys.',
  })
  @Omittable()
  @IsUsd()
  unresolvedCostMax?: string;
}

const POLICY_AMOUNTS = unresolvedPolicySchema.shape.resolveAt.options;
const RESOLVE_AMOUNTS = ['counted', 'ceiling'] as const;
const AMOUNTS = 'counted: what was counted (the ceiling, where nothing was). ceiling: all that the call held.';

export class UnresolvedPolicyDto {
  @ApiProperty({ enum: POLICY_AMOUNTS, description: `${AMOUNTS} never: only somebody who says what it cost.` })
  @IsIn(POLICY_AMOUNTS)
  resolveAt!: UnresolvedPolicy['resolveAt'];

  @ApiProperty({ minimum: 0, maximum: POLICY_SECONDS_MAX, example: 86_400, description: 'Since it became unresolved.' })
  @Max(POLICY_SECONDS_MAX)
  @Min(0)
  @IsInt()
  afterSeconds!: number;
}

export class UnresolvedFilterDto {
  @ApiPropertyOptional()
  @Omittable()
  @IsString()
  model?: string;

  @ApiPropertyOptional()
  @Omittable()
  @IsId('key')
  apiKeyId?: string;

  @ApiPropertyOptional()
  @Omittable()
  @IsId('prj')
  projectId?: string;

  @ApiPropertyOptional({ description: 'When they were authorized; inclusive.' })
  @Omittable()
  @IsInstant()
  from?: string;

  @ApiPropertyOptional({ description: 'Exclusive.' })
  @Omittable()
  @IsInstant()
  to?: string;

  @ApiPropertyOptional({ description: 'Why nobody knows their cost: the code that the call shows.' })
  @Omittable()
  @IsString()
  code?: string;
}

export class ResolveCallsDto {
  @ApiProperty({ description: 'Which unresolved calls; {} is all of them.' })
  @IsPart(() => UnresolvedFilterDto)
  filter!: UnresolvedFilterDto;

  @ApiPropertyOptional({ enum: RESOLVE_AMOUNTS, description: `${AMOUNTS} Either this or cost.` })
  @Omittable()
  @IsIn(RESOLVE_AMOUNTS)
  at?: (typeof RESOLVE_AMOUNTS)[number];

  @ApiPropertyOptional({ example: '0', description: 'What each of them cost, in USD.' })
  @Omittable()
  @IsUsd()
  cost?: string;

  @ApiProperty({ example: 'The provider has not billed them.' })
  @IsString()
  reason!: string;

  @ApiPropertyOptional({ minimum: 1, maximum: RESOLVED_AT_ONCE_MAX, default: RESOLVED_AT_ONCE_MAX })
  @Omittable()
  @Max(RESOLVED_AT_ONCE_MAX)
  @Min(1)
  @IsInt()
  limit?: number;
}

export class ResolveCallDto {
  @ApiProperty({ example: '0.0123', description: 'What the call cost, in USD.' })
  @IsUsd()
  cost!: string;

  @ApiProperty({ example: 'As on the invoice of the provider.' })
  @IsString()
  reason!: string;
}
