export { PROBLEMS_MAX, PROBLEMS_VIEW, problems } from './problems-view';
export { ProjectionHost, type ProjectionHostOptions } from './projection-host';
