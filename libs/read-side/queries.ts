import type { ApiKeyUsage, ApiKeyUsageParams } from '#projections/api-keys';
import type { BudgetHistory, BudgetHistoryParams } from '#projections/budgets';
import type { CallAnswer, CallByIdParams, CallsPage, CallsSearchParams } from '#projections/calls';
import type { Watermark } from '#projections/common';
import type {
  ErrorsReport,
  ErrorsReportParams,
  Freshness,
  FreshnessParams,
  LatencyReport,
  LatencyReportParams,
  ProjectUsageTotals,
  ProjectUsageTotalsParams,
  UsageReport,
  UsageReportParams,
} from '#projections/usage';
import type { ProblemsPage, ProblemsParams } from './problems';

/** Every question that the read side answers. All of it survives a structured clone. */
export interface Queries {
  usageReport: { params: UsageReportParams; answer: UsageReport };
  latencyReport: { params: LatencyReportParams; answer: LatencyReport };
  errorsReport: { params: ErrorsReportParams; answer: ErrorsReport };
  projectUsageTotals: { params: ProjectUsageTotalsParams; answer: ProjectUsageTotals };
  freshness: { params: FreshnessParams; answer: Freshness };
  callsSearch: { params: CallsSearchParams; answer: CallsPage };
  callById: { params: CallByIdParams; answer: CallAnswer };
  budgetHistory: { params: BudgetHistoryParams; answer: BudgetHistory };
  apiKeyUsage: { params: ApiKeyUsageParams; answer: ApiKeyUsage };
  problems: { params: ProblemsParams; answer: ProblemsPage };
  /** Over all organizations. */
  watermark: { params: Readonly<Record<never, never>>; answer: Watermark };
}

export type QueryName = keyof Queries;
export type QueryParams<N extends QueryName> = Queries[N]['params'];
export type QueryAnswer<N extends QueryName> = Queries[N]['answer'];
