export * from './circuit';
export * from './circuit-board';
export * from './pick-route';
