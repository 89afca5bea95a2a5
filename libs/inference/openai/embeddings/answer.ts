import type { NanoUsd, TokenUsage } from '#kernel';
import type { BackendError, GarbageReason } from '../../backends/trouble';
import { isJsonObject, JsonDocument, type JsonObject, writeEdited } from '../../json';
import type { SeenOutput, UsageReading } from '../../metering/facts';
import { readOpenAiUsage, unambiguous } from '../../metering/usage';
import { backendErrorOf } from '../chat/backend-error';
import { usageWithCost } from '../chat/make-frames';
import { embeddingIn } from './encoding';
import type { EmbeddingRequest } from './parse-request';

export type EmbeddingAnswer =
  | {
      readonly kind: 'answer';
      readonly usage: UsageReading;
      readonly seen: SeenOutput;
      /** The backend's answer with every embedding in the client's format. */
      readonly body: JsonObject;
      /** As it came. */
      readonly source?: JsonDocument;
    }
  | { readonly kind: 'garbage'; readonly reason: GarbageReason }
  | { readonly kind: 'backend-error'; readonly error: BackendError };

const NOTHING_GENERATED: SeenOutput = { textBytes: 0, deltas: 0 };

function parse(text: string): unknown {
  try {
    return JsonDocument.parse(text).value;
  } catch {
    return undefined; // No JSON text parses to undefined.
  }
}

function inFormat(data: readonly unknown[], format: EmbeddingRequest['format']): unknown {
  const items: JsonObject[] = [];
  for (const item of data) {
    const embedding = isJsonObject(item) ? embeddingIn(format, item.embedding) : undefined;
    if (!isJsonObject(item) || embedding === undefined) return undefined;
    items.push(embedding === item.embedding ? item : { ...item, embedding });
  }
  // What came as it was asked for is passed on as it came; nobody has to look for the rest in a text of megabytes.
  const isAsSent = items.every((item, index) => item === data[index]);
  return isAsSent ? data : JsonDocument.known(JSON.stringify(items), items).value;
}

/** Something was read and nothing generated: any other report is none. */
function usageOf(raw: unknown): UsageReading {
  const reading = readOpenAiUsage(raw, false);
  if (reading.kind !== 'reported') return reading;
  const { input, cachedInput, cacheWrite, output } = reading.usage;
  if (input + cachedInput + cacheWrite === 0) return { kind: 'absurd', reason: 'no input tokens for an input' };
  return output === 0 ? reading : { kind: 'absurd', reason: 'output tokens of an embedding' };
}

export function readEmbeddingAnswer(
  text: string,
  request: Pick<EmbeddingRequest, 'format' | 'facts'>,
): EmbeddingAnswer {
  const body = parse(text);
  if (body === undefined) return { kind: 'garbage', reason: 'invalid-json' };
  if (!isJsonObject(body)) return { kind: 'garbage', reason: 'not-an-answer' };
  const error = backendErrorOf(body);
  if (error !== undefined) return { kind: 'backend-error', error };
  if (!Array.isArray(body.data)) return { kind: 'garbage', reason: 'not-an-answer' };
  if (body.data.length === 0) return { kind: 'garbage', reason: 'empty-answer' };
  // Clients match embeddings to items by their place: one too few would shift the meaning of all that follow.
  const data = body.data.length === request.facts.prompts.length ? inFormat(body.data, request.format) : undefined;
  if (data === undefined) return { kind: 'garbage', reason: 'not-an-answer' };
  const source = JsonDocument.from(body);
  const usage = unambiguous(usageOf(body.usage), source);
  return {
    kind: 'answer',
    usage,
    seen: NOTHING_GENERATED,
    body: { ...body, data },
    ...(source === undefined ? {} : { source }),
  };
}

export interface EmbeddingSettlement {
  readonly clientModel: string;
  readonly charged: TokenUsage;
  readonly cost: NanoUsd;
}

/** The client's answer as JSON text, with its own name of the model, and usage with its cost. */
export function renderEmbeddingAnswer(
  answer: Extract<EmbeddingAnswer, { kind: 'answer' }>,
  settled: EmbeddingSettlement,
): string {
  const { body } = answer;
  const tokens = settled.charged.input + settled.charged.cachedInput + settled.charged.cacheWrite;
  const shown =
    answer.usage.kind === 'reported' && isJsonObject(body.usage)
      ? body.usage
      : { prompt_tokens: tokens, total_tokens: tokens };
  const usage = usageWithCost(shown, settled.cost);
  return writeEdited({ object: 'list', ...body, model: settled.clientModel, usage }, answer.source);
}
