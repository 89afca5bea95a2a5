export * from './circuit';
export * from './pick-route';
