export { addressGroup, addressMatcher } from './address-group';
export type { ConnectionLimits } from './connection-caps';
export { createGuardedServer, type GuardedServerOptions, invitesBody, leaveOf, whenOver } from './guarded-server';
export { canonicalTarget } from './request-target';
