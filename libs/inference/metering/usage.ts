import { isJsonObject, type JsonDocument, type JsonObject } from '../json';
import type { SeenOutput, UsageDetails, UsageReading } from './facts';

const ABSENT: UsageReading = { kind: 'absent' };

function absurd(reason: string): UsageReading {
  return { kind: 'absurd', reason };
}

/** A count that may be missing: 0 then; undefined when it is there but is no count. */
function optionalCount(value: unknown): number | undefined {
  if (value === undefined || value === null) return 0;
  return isCount(value) ? value : undefined;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Where each family of backends says how much of the prompt came from its cache. */
function cachedTokens(usage: JsonObject, details: JsonObject): number | undefined {
  return optionalCount(details.cached_tokens ?? usage.prompt_cache_hit_tokens ?? usage.cached_tokens);
}

/** And how much was written to it; the later names are those of proxies that speak for Anthropic. */
function writtenTokens(usage: JsonObject, details: JsonObject): number | undefined {
  return optionalCount(
    details.cache_write_tokens ?? details.cache_creation_tokens ?? usage.cache_creation_input_tokens,
  );
}

function detailsOf(usage: JsonObject, name: string): JsonObject | undefined {
  const details = usage[name];
  if (details === undefined || details === null) return {};
  return isJsonObject(details) ? details : undefined;
}

/**
 * Generated tokens. OpenAI counts reasoning among `completion_tokens`; a few backends add it only to `total_tokens`, and
 * some of those name it nowhere else (Gemini's OpenAI-compatible route). Whatever the total has beyond prompt and
 * completion was generated, and is billed as output.
 */
function outputTokens(usage: JsonObject, prompt: number, completion: number): number {
  const total = usage.total_tokens;
  return isCount(total) ? Math.max(completion, total - prompt) : completion;
}

/** What the backend said itself: a number that is missing is not 0. */
function detailsSaid({ reasoning_tokens: reasoningTokens }: JsonObject): { details?: UsageDetails } {
  return isCount(reasoningTokens) ? { details: { reasoningTokens } } : {};
}

/**
 * Reads the `usage` of an OpenAI-like answer into disjoint buckets. `prompt_tokens` includes what was read from and
 * written to a cache; `completion_tokens` may be missing only where nothing is generated (embeddings).
 */
export function readOpenAiUsage(raw: unknown, generates = true): UsageReading {
  if (raw === undefined || raw === null) return ABSENT;
  if (!isJsonObject(raw)) return absurd('usage is no object');
  const prompt = raw.prompt_tokens;
  const completion = raw.completion_tokens ?? (generates ? undefined : 0);
  if (prompt === undefined && completion === undefined) return ABSENT;
  if (!isCount(prompt)) return absurd('prompt_tokens is no count');
  if (!isCount(completion)) return absurd('completion_tokens is no count');
  const promptDetails = detailsOf(raw, 'prompt_tokens_details');
  const outputDetails = detailsOf(raw, 'completion_tokens_details');
  if (promptDetails === undefined || outputDetails === undefined) return absurd('token details are no object');
  const cachedInput = cachedTokens(raw, promptDetails);
  const cacheWrite = writtenTokens(raw, promptDetails);
  const reasoning = optionalCount(outputDetails.reasoning_tokens);
  if (cachedInput === undefined || cacheWrite === undefined) return absurd('cached tokens are no count');
  if (reasoning === undefined) return absurd('reasoning_tokens is no count');
  if (cachedInput + cacheWrite > prompt) return absurd('more tokens cached than prompted');
  const output = outputTokens(raw, prompt, completion);
  if (!Number.isSafeInteger(prompt + output)) return absurd('the sum of tokens is no safe integer');
  return {
    kind: 'reported',
    usage: { input: prompt - cachedInput - cacheWrite, cachedInput, cacheWrite, output },
    ...detailsSaid(outputDetails),
  };
}

/** Holds a report against what was seen: an output that came from no input, or that is not reported, is no report. */
export function plausible(reading: UsageReading, seen: SeenOutput): UsageReading {
  if (reading.kind !== 'reported') return reading;
  if (seen.textBytes === 0) return reading;
  const { input, cachedInput, cacheWrite, output } = reading.usage;
  if (input + cachedInput + cacheWrite === 0) return absurd('no input tokens for a prompt');
  if (output === 0) return absurd('no output tokens for an output');
  return reading;
}

/** A report that came before the output was whole: of it, only the input is the call's. */
export function inputOnly(reading: UsageReading): UsageReading {
  if (reading.kind !== 'reported') return { kind: 'absent' };
  const { input, cachedInput, cacheWrite } = reading.usage;
  return { kind: 'absent', input: { input, cachedInput, cacheWrite } };
}

/**
 * Holds a report against the text that it stands in: where a count stands twice, the client's reader may take another
 * one for it than we did, so that neither can be charged as what was reported.
 * @param member the member of the document that the report stands in.
 */
export function unambiguous(reading: UsageReading, document: JsonDocument | undefined, member = 'usage'): UsageReading {
  return reading.kind === 'reported' && document?.isAmbiguous(member) === true
    ? absurd(`${member} can be read in two ways`)
    : reading;
}
