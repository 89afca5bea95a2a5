export { ACCESS_TABLE, type Grantee } from './access/access-table';
export { type Accessor, keepAccessTrail } from './access/access-trail';
export { Strangers } from './access/strangers';
export { AdminHttpModule } from './admin-http.module';
export type { AdminHttpOptions } from './options';
export { type InvalidField, Problem } from './problems/problem';
export { answerFrameworkErrors } from './problems/problem.filter';
export { identityOf, type RequestIdentity } from './request-identity';
export type { RoutedAttempt, RoutedBackend, RoutingInsight } from './routing-insight';
