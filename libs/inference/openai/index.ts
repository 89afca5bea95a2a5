export * from './chat';
export * from './completions';
export * from './embeddings';
export * from './errors';
export * from './responses';
