import type { ReadSnapshot } from '#read-store';
import { watermarkOf } from '../calls';
import { pageLimit } from '../common';
import { BUDGETS_VIEW } from './projection';
import { budgetsTable, periodsTable } from './tables';
import type { BudgetHistory, BudgetHistoryParams } from './types';

const PERIODS_DEFAULT = 36;

export async function budgetHistory(
  snapshot: ReadSnapshot,
  { orgId, budgetId, periodsMax = PERIODS_DEFAULT }: BudgetHistoryParams,
): Promise<BudgetHistory> {
  const limit = pageLimit(periodsMax);
  const watermark = await watermarkOf(snapshot, BUDGETS_VIEW, orgId);
  const [document] = await snapshot.load(BUDGETS_VIEW, 'budgets', [budgetId]);
  const found = document === undefined ? undefined : budgetsTable.decode(document);
  if (found === undefined || found.orgId !== orgId) return { budget: null, periods: [], watermark };
  const page = await snapshot.find(BUDGETS_VIEW, 'periods', {
    where: { budgetId: { eq: budgetId } },
    orderBy: { column: 'periodFrom', direction: 'descending' },
    limit,
  });
  const { currentFrom: _, ...budget } = found;
  const periods = page.documents.map((one) => {
    const { budgetId: __, ...period } = periodsTable.decode(one);
    return period;
  });
  return { budget, periods, watermark };
}
