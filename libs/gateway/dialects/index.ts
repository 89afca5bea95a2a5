import type { Endpoint } from '#ledger';
import type { Dialect, MeteredRequest } from '../calls/dialect';
import { openAiChat } from './openai-chat';

/** A dialect whose request type nobody outside needs to know. */
export interface AnyDialect {
  readonly endpoint: Endpoint;
  use<T>(visit: <R extends MeteredRequest>(dialect: Dialect<R>) => T): T;
}

function any<R extends MeteredRequest>(dialect: Dialect<R>): AnyDialect {
  return { endpoint: dialect.endpoint, use: (visit) => visit(dialect) };
}

/** Every endpoint that runs calls, by its path under `/v1`. */
export const DIALECTS: Readonly<Record<string, AnyDialect>> = {
  '/chat/completions': any(openAiChat),
};
