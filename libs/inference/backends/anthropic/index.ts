export * from './anthropic-backend';
