export * from './pick-route';
