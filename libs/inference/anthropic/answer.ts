import { foreignText, type NanoUsd, type TokenUsage } from '#kernel';
import type { BackendError, GarbageReason } from '../backends/trouble';
import { isJsonObject, JsonDocument, type JsonObject, writeEdited } from '../json';
import type { SeenOutput, UsageReading } from '../metering/facts';
import { failedFinish } from '../metering/failed-finish';
import { plausible, unambiguous } from '../metering/usage';
import { backendErrorOf } from '../openai/chat/backend-error';
import { blockBytes, isReasoning } from './seen';
import { anthropicUsage, anthropicUsageWithCost, readAnthropicUsage } from './usage';

export type MessagesAnswer =
  | {
      readonly kind: 'answer';
      readonly usage: UsageReading;
      readonly seen: SeenOutput;
      readonly finishReason?: string;
      readonly body: JsonObject;
    }
  /** `metered`: what was said and seen of its tokens all the same. */
  | {
      readonly kind: 'garbage';
      readonly reason: GarbageReason;
      readonly metered?: { readonly usage: UsageReading; readonly seen: SeenOutput };
    }
  | { readonly kind: 'backend-error'; readonly error: BackendError };

/** Stop reasons are short words; this one goes into the record. */
export const STOP_REASON_BYTES_MAX = 64;

function parse(text: string): unknown {
  try {
    return JsonDocument.parse(text).value;
  } catch {
    return undefined; // No JSON text parses to undefined.
  }
}

/** Reads a complete message for metering. An empty content is an answer: the model chose to say nothing. */
export function readMessagesAnswer(text: string): MessagesAnswer {
  const body = parse(text);
  if (body === undefined) return { kind: 'garbage', reason: 'invalid-json' };
  if (!isJsonObject(body)) return { kind: 'garbage', reason: 'not-an-answer' };
  const error = backendErrorOf(body);
  if (error !== undefined) return { kind: 'backend-error', error };
  const { content, stop_reason: reason } = body;
  if (!Array.isArray(content) || !content.every(isJsonObject)) return { kind: 'garbage', reason: 'not-an-answer' };
  const seen: SeenOutput = {
    textBytes: content.reduce((sum, block) => sum + blockBytes(block), 0),
    deltas: 0,
    ...(content.some(isReasoning) ? { isPartial: true } : {}),
  };
  const usage = plausible(unambiguous(readAnthropicUsage(body.usage), JsonDocument.from(body)), seen);
  const failure = failedFinish([reason], usage, seen);
  if (failure !== undefined) return failure.kind === 'garbage' ? { ...failure, metered: { usage, seen } } : failure;
  return {
    kind: 'answer',
    usage,
    seen,
    ...(typeof reason === 'string' ? { finishReason: foreignText(reason, STOP_REASON_BYTES_MAX) } : {}),
    body,
  };
}

export interface MessagesSettlement {
  readonly clientModel: string;
  /** What was charged; shown where the backend reported nothing usable. */
  readonly charged: TokenUsage;
  readonly cost: NanoUsd;
}

/** The client's answer as JSON text, with its own name of the model, and usage with its cost. */
export function renderMessagesAnswer(
  answer: Extract<MessagesAnswer, { kind: 'answer' }>,
  settled: MessagesSettlement,
): string {
  const { body } = answer;
  const { usage } = body;
  const shown = answer.usage.kind === 'reported' && isJsonObject(usage) ? usage : anthropicUsage(settled.charged);
  const settledUsage = anthropicUsageWithCost(shown, settled.cost);
  return writeEdited({ ...body, model: settled.clientModel, usage: settledUsage }, JsonDocument.from(body));
}
