import { formatUsd, type NanoUsd, type TokenUsage } from '#kernel';
import { isJsonObject, type JsonObject } from '../../json';
import type { UsageDetails } from '../../metering/facts';
import type { AnswerHead, NeutralFinish } from '../../neutral';
import { toldTools } from './tool-set';

/**
 * Usage as the Responses API tells it, with what was charged. How much of the output was reasoning only the backend
 * knows: where it has not said so, nobody does.
 */
export function responsesUsage(
  { input, cachedInput, cacheWrite, output }: TokenUsage,
  cost: NanoUsd,
  { reasoningTokens }: UsageDetails,
): JsonObject {
  const inputTokens = input + cachedInput + cacheWrite;
  return {
    input_tokens: inputTokens,
    input_tokens_details: { cached_tokens: cachedInput, cache_write_tokens: cacheWrite },
    output_tokens: output,
    ...(reasoningTokens === undefined ? {} : { output_tokens_details: { reasoning_tokens: reasoningTokens } }),
    total_tokens: inputTokens + output,
    cost: formatUsd(cost),
  };
}

function reasoningOf({ reasoning }: JsonObject): JsonObject {
  const effort = isJsonObject(reasoning) ? (reasoning.effort ?? null) : null;
  return { effort, summary: isJsonObject(reasoning) ? (reasoning.summary ?? null) : null };
}

/** Everything about a response that is known when it begins: the request's own settings, said back. */
export function responseBase(head: AnswerHead, body: JsonObject): JsonObject {
  return {
    id: `resp_${head.requestId}`,
    object: 'response',
    created_at: head.createdSeconds,
    background: false,
    error: null,
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    metadata: body.metadata ?? {},
    model: head.clientModel,
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    previous_response_id: null,
    reasoning: reasoningOf(body),
    store: false,
    temperature: body.temperature ?? null,
    text: { format: { type: 'text' }, ...(isJsonObject(body.text) ? body.text : {}) },
    tool_choice: body.tool_choice ?? 'auto',
    tools: toldTools(body),
    top_p: body.top_p ?? null,
    truncation: 'disabled',
    user: body.user ?? null,
  };
}

/** How a response ended, in its own words. */
export function endingOf(reason: NeutralFinish): {
  readonly status: 'completed' | 'incomplete';
  readonly why: JsonObject | null;
} {
  switch (reason) {
    case 'length':
      return { status: 'incomplete', why: { reason: 'max_output_tokens' } };
    case 'content-filter':
      return { status: 'incomplete', why: { reason: 'content_filter' } };
    case 'stop':
    case 'tool-calls':
      return { status: 'completed', why: null };
  }
}
