export type { RecordedAt } from './clock-comparison';
export * from './events';
export { MembershipEndedError, type MembershipTimers } from './heartbeat';
export * from './membership';
export { DEFAULT_MEMBERSHIP_SETTINGS, type MembershipSettings } from './settings';
