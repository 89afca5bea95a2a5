export * from './faulty-event-store';
export * from './ledger-simulation';
export * from './ledger-world';
export { PassingEventStore } from './passing-event-store';
export * from './peer-network';
export * from './random';
export * from './two-gateways';
export * from './virtual-time';
