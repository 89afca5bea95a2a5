import { formatUsd, type NanoUsd, type TokenUsage } from '#kernel';
import { type JsonDocument, type JsonObject, onOneLine, writeEdited } from '../../json';
import type { UsageDetails } from '../../metering/facts';
import { type ErrorCode, type ErrorOptions, errorBody } from '../errors';

/** What all chunks of one stream share; taken from the backend's chunks. */
export interface ChunkHead {
  /** Some servers count. */
  readonly id: string | number;
  readonly created: number;
  readonly model: string;
  /** A chat's by default. */
  readonly object?: string;
}

export const DONE_FRAME = 'data: [DONE]\n\n';

/** A comment that keeps proxies and clients from giving up on a slow backend. */
export const KEEP_ALIVE_FRAME = ': keep-alive\n\n';

/** One frame of a text without line breaks, such as compact JSON. */
export function dataFrame(data: string): string {
  return `data: ${data}\n\n`;
}

/** Usage as OpenAI's clients read it, from disjoint buckets. What the backend has not said is left out, not 0. */
export function openAiUsage(usage: TokenUsage, { reasoningTokens }: UsageDetails = {}): JsonObject {
  const prompt = usage.input + usage.cachedInput + usage.cacheWrite;
  return {
    prompt_tokens: prompt,
    completion_tokens: usage.output,
    total_tokens: prompt + usage.output,
    ...(usage.cachedInput + usage.cacheWrite === 0
      ? {}
      : {
          prompt_tokens_details: { cached_tokens: usage.cachedInput, cache_write_tokens: usage.cacheWrite },
        }),
    ...(reasoningTokens === undefined ? {} : { completion_tokens_details: { reasoning_tokens: reasoningTokens } }),
  };
}

/**
 * Adds what was charged. `cost` is a decimal string in USD, as money is everywhere on the platform: a JSON number would
 * be read as a float.
 */
export function usageWithCost(usage: JsonObject, cost: NanoUsd): JsonObject {
  return { ...usage, cost: formatUsd(cost) };
}

/**
 * The last chunk of a stream whose client asked for usage.
 * @param source the backend's own, where it sent one: what is the same in both is written as it came.
 */
export function usageFrame(head: ChunkHead, usage: JsonObject, cost: NanoUsd, source?: JsonDocument): string {
  const { id, object = 'chat.completion.chunk', created, model } = head;
  const chunk = { id, object, created, model, choices: [], usage: usageWithCost(usage, cost) };
  return dataFrame(onOneLine(writeEdited(chunk, source)));
}

/** The one frame of a failure after the stream has begun; no `[DONE]` follows it. */
export function errorFrame(code: ErrorCode, options: ErrorOptions): string {
  return dataFrame(JSON.stringify(errorBody(code, options)));
}
