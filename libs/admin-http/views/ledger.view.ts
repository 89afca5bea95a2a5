import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { formatInstant, formatUsd, type NanoUsd, nanoUsd, parseUsd, usd } from '#kernel';
import {
  type BudgetMode,
  type BudgetPeriod,
  type BudgetScope,
  type BudgetUnit,
  budgetModeSchema,
  budgetPeriodSchema,
  budgetUnitSchema,
  type BudgetView as LedgerBudgetView,
  type Limits,
  type ResolutionSource,
  type ResolvedCall,
  resolutionSourceSchema,
  type UnresolvedPolicy,
  unresolvedPolicySchema,
} from '#ledger';
import { BudgetScopeDto } from '../dto/ledger.dto';
import { createdAt } from './organizations.view';

/** Amounts leave as people give them: cost as a decimal string in USD, everything else as a whole number. */
export function formatAmount(unit: BudgetUnit, amount: bigint): string {
  return unit === 'cost' ? formatUsd(nanoUsd(amount)) : amount.toString();
}

const WHOLE = /^(?:0|[1-9]\d{0,24})$/;

/** `undefined` for what is no amount in this unit. */
export function parseAmount(unit: BudgetUnit, text: string): bigint | undefined {
  if (unit !== 'cost') return WHOLE.test(text) ? BigInt(text) : undefined;
  const amount = parseUsd(text);
  return amount !== undefined && amount >= 0n ? amount : undefined;
}

export const AMOUNT_RULES: Readonly<Record<BudgetUnit, string>> = {
  cost: 'limit is an amount in USD as a string, such as "100" or "0.5", with at most nine decimals',
  tokens: 'limit is a whole number of tokens as a string, such as "1000000"',
  requests: 'limit is a whole number of requests as a string, such as "1000"',
};

export class BudgetView {
  @ApiProperty()
  id!: string;
  @ApiProperty()
  name!: string;
  @ApiProperty({ type: BudgetScopeDto })
  scope!: BudgetScope;
  @ApiProperty({ enum: budgetUnitSchema.options })
  unit!: BudgetUnit;
  @ApiProperty({ enum: budgetPeriodSchema.options })
  period!: BudgetPeriod;
  @ApiProperty({ enum: budgetModeSchema.options })
  mode!: BudgetMode;
  @ApiProperty({ example: '100' })
  limit!: string;
  @ApiProperty({ description: 'Calls that have ended.' })
  settled!: string;
  @ApiProperty({ description: 'Ceilings of calls that run.' })
  held!: string;
  @ApiProperty({ description: 'Ceilings of calls whose cost nobody knows yet.' })
  unresolved!: string;
  @ApiProperty()
  remaining!: string;
  @ApiProperty({ type: [Number] })
  thresholds!: readonly number[];
  @ApiProperty()
  timeZone!: string;
  @ApiProperty({ description: 'Earlier calls are not counted.' })
  countedSince!: string;
  @ApiProperty()
  periodStart!: string;
  @ApiProperty({ type: String, nullable: true, description: 'null: never.' })
  resetsAt!: string | null;
  @ApiProperty()
  ended!: boolean;
  @ApiProperty()
  createdAt!: string;
}

export function budgetBody(view: LedgerBudgetView): BudgetView {
  const { budgetId, name, scope, unit, period, mode, thresholds, timeZone, ended, resetsAt } = view;
  const amount = (value: bigint) => formatAmount(unit, value);
  return {
    id: budgetId,
    name,
    scope,
    unit,
    period,
    mode,
    limit: amount(view.limit),
    settled: amount(view.settled),
    held: amount(view.held),
    unresolved: amount(view.unresolved),
    remaining: amount(view.remaining),
    thresholds,
    timeZone,
    countedSince: formatInstant(view.countedSince),
    periodStart: formatInstant(view.periodStart),
    resetsAt: resetsAt === undefined ? null : formatInstant(resetsAt),
    ended,
    createdAt: createdAt(budgetId),
  };
}

export class LimitsView {
  @ApiPropertyOptional()
  requestsPerMinute?: number;
  @ApiPropertyOptional()
  burst?: number;
  @ApiPropertyOptional()
  tokensPerMinute?: number;
  @ApiPropertyOptional()
  concurrency?: number;
  @ApiPropertyOptional({ example: '0.5' })
  callCostMax?: string;
  @ApiPropertyOptional({ example: '5' })
  unresolvedCostMax?: string;
}

/** An absent limit is none. */
export function limitsBody(limits: Limits): LimitsView {
  const { callCostMax, unresolvedCostMax } = limits;
  return {
    ...ratesOf(limits),
    ...(callCostMax === undefined ? {} : { callCostMax: formatUsd(callCostMax) }),
    ...(unresolvedCostMax === undefined ? {} : { unresolvedCostMax: formatUsd(unresolvedCostMax) }),
  };
}

/** What somebody wants them to be. */
export function wantedLimits(wanted: LimitsView): Limits {
  const { callCostMax, unresolvedCostMax } = wanted;
  return {
    ...ratesOf(wanted),
    ...(callCostMax === undefined ? {} : { callCostMax: usd(callCostMax) }),
    ...(unresolvedCostMax === undefined ? {} : { unresolvedCostMax: usd(unresolvedCostMax) }),
  };
}

function ratesOf({
  requestsPerMinute,
  burst,
  tokensPerMinute,
  concurrency,
}: Omit<Limits, 'callCostMax' | 'unresolvedCostMax'>) {
  return {
    ...(requestsPerMinute === undefined ? {} : { requestsPerMinute }),
    ...(burst === undefined ? {} : { burst }),
    ...(tokensPerMinute === undefined ? {} : { tokensPerMinute }),
    ...(concurrency === undefined ? {} : { concurrency }),
  };
}

export class ResolvedCallView {
  @ApiProperty()
  id!: string;
  @ApiProperty({ enum: ['resolved'] })
  status!: 'resolved';
  @ApiProperty({ enum: resolutionSourceSchema.options, description: 'Who said so last.' })
  source!: ResolutionSource;
  @ApiProperty()
  cost!: string;
  @ApiProperty({ description: 'What budgets count: at most what the call had held.' })
  charged!: string;
  @ApiProperty()
  excess!: string;
  @ApiProperty()
  tokens!: string;
  @ApiProperty()
  reason!: string;
  @ApiPropertyOptional({ description: 'What it was taken to have cost before; only where this command changed that.' })
  costBefore?: string;
}

export class ResolvedCallsView {
  @ApiProperty({ type: [ResolvedCallView] })
  data!: readonly ResolvedCallView[];
  @ApiProperty({
    description: 'Unresolved calls that the filter names and that are left: repeat the command for them.',
  })
  remaining!: number;
}

export class UnresolvedPolicyView {
  @ApiProperty({ enum: unresolvedPolicySchema.shape.resolveAt.options })
  resolveAt!: UnresolvedPolicy['resolveAt'];
  @ApiProperty()
  afterSeconds!: number;
}

/** How a call stands that was resolved, corrections included. */
export function resolvedCallBody({ call, resolution }: ResolvedCall, costBefore?: NanoUsd): ResolvedCallView {
  const { source, cost, charged, excess, tokens, reason } = resolution;
  return {
    id: call.callId,
    status: 'resolved',
    source,
    cost: formatUsd(cost),
    charged: formatUsd(charged),
    excess: formatUsd(excess),
    tokens: tokens.toString(),
    reason,
    ...(costBefore === undefined ? {} : { costBefore: formatUsd(costBefore) }),
  };
}
