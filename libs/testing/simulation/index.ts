export * from './faulty-event-store';
export * from './ledger-world';
export * from './random';
export * from './virtual-time';
