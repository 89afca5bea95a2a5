export * from './actions';
export * from './interleaving';
export * from './scripted-cluster';
export * from './test-gateways';
export * from './test-platform';
