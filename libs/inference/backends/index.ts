export * from './anthropic';
export * from './classify';
export * from './openai';
export * from './port';
export * from './push-body';
export * from './read-body';
export * from './simulator';
export * from './trouble';
