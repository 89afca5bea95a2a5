import type { FindCursor, ReadSnapshot } from '#read-store';
import { watermarkOf } from '../calls';
import { pageLimit, QueryRefusedError, readCursor, writeCursor } from '../common';
import { BUDGETS_VIEW } from './projection';
import { budgetsTable, periodsTable } from './tables';
import type { BudgetHistory, BudgetHistoryParams } from './types';

const PERIODS_DEFAULT = 36;

function cursorOf(text: string): FindCursor {
  const cursor = readCursor(text);
  if (cursor === undefined || typeof cursor.value !== 'number')
    throw new QueryRefusedError('cursor_invalid', 'Use the "next" of the page before as "after", unchanged.');
  return cursor;
}

export async function budgetHistory(
  snapshot: ReadSnapshot,
  { orgId, budgetId, periodsMax = PERIODS_DEFAULT, after }: BudgetHistoryParams,
): Promise<BudgetHistory> {
  const limit = pageLimit(periodsMax);
  const watermark = await watermarkOf(snapshot, BUDGETS_VIEW, orgId);
  const [document] = await snapshot.load(BUDGETS_VIEW, 'budgets', [budgetId]);
  const found = document === undefined ? undefined : budgetsTable.decode(document);
  if (found === undefined || found.orgId !== orgId) return { budget: null, periods: [], next: null, watermark };
  const page = await snapshot.find(BUDGETS_VIEW, 'periods', {
    where: { budgetId: { eq: budgetId } },
    orderBy: { column: 'periodFrom', direction: 'descending' },
    limit,
    ...(after === undefined ? {} : { after: cursorOf(after) }),
  });
  const { currentFrom: _, ...budget } = found;
  const periods = page.documents.map((one) => {
    const { budgetId: __, ...period } = periodsTable.decode(one);
    return period;
  });
  return { budget, periods, next: page.next === undefined ? null : writeCursor(page.next), watermark };
}
