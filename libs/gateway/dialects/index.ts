import type { Endpoint } from '#ledger';
import type { Dialect, MeteredRequest } from '../calls/dialect';
import { anthropicMessages } from './anthropic-messages';
import { inference } from './inference';
import { openAiChat } from './openai-chat';
import { openAiCompletions } from './openai-completions';
import { openAiEmbeddings } from './openai-embeddings';
import { openAiResponses } from './openai-responses';

/** A dialect whose request type nobody outside needs to know. */
export interface AnyDialect {
  readonly endpoint: Endpoint;
  /** For failures before the call has begun: they have the shape that the route's clients read. */
  readonly errorAnswer: Dialect<MeteredRequest>['errorAnswer'];
  use<T>(visit: <R extends MeteredRequest>(dialect: Dialect<R>) => T): T;
}

function any<R extends MeteredRequest>(dialect: Dialect<R>): AnyDialect {
  return { endpoint: dialect.endpoint, errorAnswer: dialect.errorAnswer, use: (visit) => visit(dialect) };
}

/** Every endpoint that runs calls, by its path under `/v1`. */
export const DIALECTS: Readonly<Record<string, AnyDialect>> = {
  '/chat/completions': any(openAiChat),
  '/completions': any(openAiCompletions),
  '/embeddings': any(openAiEmbeddings),
  '/responses': any(openAiResponses),
  '/messages': any(anthropicMessages),
  '/inference': any(inference),
};
