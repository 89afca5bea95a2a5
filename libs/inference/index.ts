export * from './json';
export * from './metering/facts';
