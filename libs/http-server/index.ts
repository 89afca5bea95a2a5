export { addressGroup, addressMatcher } from './address-group';
export { BodyMemory, type BodyOwner, type BodyShare } from './body-memory';
export type { ConnectionLimits } from './connection-caps';
export { createGuardedServer, type GuardedServerOptions, invitesBody, whenOver } from './guarded-server';
export { BodyFailure, type BodyLimits, type BodyProblem, receiveBody } from './receive-body';
export { canonicalTarget } from './request-target';
