export * from './anthropic';
export * from './backends';
export * from './json';
export * from './metering';
export * from './neutral';
export * from './openai';
export * from './routing';
export * from './streaming';
