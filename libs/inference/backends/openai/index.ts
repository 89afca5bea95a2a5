export * from './openai-backend';
