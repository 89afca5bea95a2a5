import { formatUsd, type NanoUsd, type TokenUsage } from '#kernel';
import { isJsonObject, type JsonObject } from '../json';
import type { KnownInput, UsageDetails, UsageReading } from '../metering/facts';

function absurd(reason: string): UsageReading {
  return { kind: 'absurd', reason };
}

function count(value: unknown): number | undefined {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined;
}

/**
 * Reads the `usage` of a message. Its buckets are disjoint already: `input_tokens` holds neither what was read from a
 * cache nor what was written to one; `output_tokens` includes thinking.
 */
export function readAnthropicUsage(raw: unknown): UsageReading {
  if (raw === undefined || raw === null) return { kind: 'absent' };
  if (!isJsonObject(raw)) return absurd('usage is no object');
  if (raw.input_tokens === undefined && raw.output_tokens === undefined) return { kind: 'absent' };
  const input = count(raw.input_tokens);
  const output = count(raw.output_tokens);
  const cachedInput = count(raw.cache_read_input_tokens ?? 0);
  const cacheWrite = count(raw.cache_creation_input_tokens ?? 0);
  if (input === undefined) return absurd('input_tokens is no count');
  if (output === undefined) return absurd('output_tokens is no count');
  if (cachedInput === undefined || cacheWrite === undefined) return absurd('cached tokens are no count');
  if (!Number.isSafeInteger(input + cachedInput + cacheWrite + output))
    return absurd('the sum of tokens is no safe integer');
  return { kind: 'reported', usage: { input, cachedInput, cacheWrite, output }, ...detailsSaid(raw) };
}

/** What the backend said itself: a number that is missing is not 0. */
function detailsSaid({ output_tokens_details: output }: JsonObject): { details?: UsageDetails } {
  const reasoningTokens = isJsonObject(output) ? count(output.thinking_tokens) : undefined;
  return reasoningTokens === undefined ? {} : { details: { reasoningTokens } };
}

/** The input as `message_start` counts it, when hardly any output had come; undefined where it counts none. */
export function readStartedInput(raw: JsonObject): KnownInput | undefined {
  const reading = readAnthropicUsage({ ...raw, output_tokens: 0 });
  if (reading.kind !== 'reported') return undefined;
  const { input, cachedInput, cacheWrite } = reading.usage;
  return { input, cachedInput, cacheWrite };
}

/** Usage as Anthropic's clients read it. */
export function anthropicUsage(usage: TokenUsage, { reasoningTokens }: UsageDetails = {}): JsonObject {
  return {
    input_tokens: usage.input,
    cache_creation_input_tokens: usage.cacheWrite,
    cache_read_input_tokens: usage.cachedInput,
    output_tokens: usage.output,
    ...(reasoningTokens === undefined ? {} : { output_tokens_details: { thinking_tokens: reasoningTokens } }),
  };
}

/** Adds what was charged, a decimal string in USD as everywhere on the platform. */
export function anthropicUsageWithCost(usage: JsonObject, cost: NanoUsd): JsonObject {
  return { ...usage, cost: formatUsd(cost) };
}
