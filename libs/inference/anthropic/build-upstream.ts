import type { Backend } from '../catalogue/types';
import { isJsonObject, type JsonObject } from '../json';

export interface MessagesTarget {
  readonly upstreamModel: string;
  readonly backend: Pick<Backend, 'dropFields'>;
  /** The cap that the ledger granted. */
  readonly outputTokensCap: number;
}

/** The least budget of thinking that there is. */
const THINKING_TOKENS_MIN = 1_024;

/**
 * A budget of thinking lies below the cap. One that fitted its client's cap has to fit a lower one that the ledger
 * granted as well; one that never did is for the backend to refuse.
 */
function fittedThinking({ thinking, max_tokens: own }: JsonObject, cap: number): unknown {
  if (!isJsonObject(thinking) || typeof thinking.budget_tokens !== 'number') return thinking;
  if (thinking.budget_tokens < cap || thinking.budget_tokens >= Number(own)) return thinking;
  return cap > THINKING_TOKENS_MIN ? { ...thinking, budget_tokens: cap - 1 } : { type: 'disabled' };
}

/** The body for the backend: the client's fields, with the backend's name of the model and the granted cap. */
export function buildMessagesUpstream(body: JsonObject, stream: boolean, target: MessagesTarget): JsonObject {
  const upstream: Record<string, unknown> = { ...body };
  for (const field of target.backend.dropFields) delete upstream[field];
  upstream.model = target.upstreamModel;
  upstream.messages = body.messages;
  upstream.max_tokens = target.outputTokensCap;
  if (upstream.thinking !== undefined) upstream.thinking = fittedThinking(body, target.outputTokensCap);
  if (stream) upstream.stream = true;
  else delete upstream.stream;
  return upstream;
}
