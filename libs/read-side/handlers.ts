import { apiKeyUsage } from '#projections/api-keys';
import { budgetHistory } from '#projections/budgets';
import { CALLS_VIEW, callById, callsSearch, watermarkOf } from '#projections/calls';
import { errorsReport, freshness, latencyReport, projectUsageTotals, usageReport } from '#projections/usage';
import type { ReadSnapshot } from '#read-store';
import { problems } from './host';
import type { QueryAnswer, QueryName, QueryParams } from './queries';

type Handlers = {
  readonly [N in QueryName]: (snapshot: ReadSnapshot, params: QueryParams<N>) => Promise<QueryAnswer<N>>;
};

const HANDLERS: Handlers = {
  usageReport,
  latencyReport,
  errorsReport,
  projectUsageTotals,
  freshness,
  callsSearch,
  callById,
  budgetHistory,
  apiKeyUsage,
  problems,
  watermark: (snapshot) => watermarkOf(snapshot, CALLS_VIEW, undefined),
};

/** Answers one question from one state of the views. */
export function answer<N extends QueryName>(
  snapshot: ReadSnapshot,
  name: N,
  params: QueryParams<N>,
): Promise<QueryAnswer<N>> {
  return HANDLERS[name](snapshot, params);
}
