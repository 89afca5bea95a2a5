export * from './actions';
export * from './test-platform';
