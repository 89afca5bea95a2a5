export { BUDGETS_VIEW, budgetsProjection } from './projection';
export { budgetHistory } from './queries';
export { HISTORY_ENTRIES_MAX } from './tables';
export type * from './types';
