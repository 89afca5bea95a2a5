export * from './allowed-ips';
export * from './decider';
export * from './events';
export * from './scopes';
export * from './secret';
export * from './stream';
