import { foreignText, type NanoUsd, type TokenUsage } from '#kernel';
import type { BackendError, GarbageReason } from '../../backends/trouble';
import { isJsonObject, JsonDocument, type JsonObject, writeEdited } from '../../json';
import type { SeenOutput, UsageReading } from '../../metering/facts';
import { failedFinish } from '../../metering/failed-finish';
import { plausible, readOpenAiUsage, unambiguous } from '../../metering/usage';
import { backendErrorOf } from './backend-error';
import { openAiUsage, usageWithCost } from './make-frames';
import { generatedBytes } from './seen';

/** What the body of an unstreamed 2xx turned out to be. */
export type ChatAnswer =
  | {
      readonly kind: 'answer';
      readonly usage: UsageReading;
      readonly seen: SeenOutput;
      /** Of the first choice. */
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

/** Finish reasons are short words; this one goes into the record. */
const FINISH_REASON_BYTES_MAX = 64;

function parse(text: string): unknown {
  try {
    return JsonDocument.parse(text).value;
  } catch {
    return undefined; // No JSON text parses to undefined.
  }
}

/** Bytes that one choice generated, or undefined when it is no choice. */
export type ChoiceBytes = (choice: JsonObject) => number | undefined;

function messageBytes({ message }: JsonObject): number | undefined {
  return isJsonObject(message) ? generatedBytes(message) : undefined;
}

/** Generated text of all choices, or undefined when one of them is no choice. */
function choicesBytes(choices: readonly unknown[], bytesOf: ChoiceBytes): number | undefined {
  let sum = 0;
  for (const choice of choices) {
    const bytes = isJsonObject(choice) ? bytesOf(choice) : undefined;
    if (bytes === undefined) return undefined;
    sum += bytes;
  }
  return sum;
}

function firstReason(choices: readonly unknown[]): { finishReason?: string } {
  const [first] = choices;
  const reason = isJsonObject(first) ? first.finish_reason : undefined;
  return typeof reason === 'string' ? { finishReason: foreignText(reason, FINISH_REASON_BYTES_MAX) } : {};
}

/** Reads a complete answer for metering. Render it with `renderChatAnswer` once its settlement is durable. */
export function readChatAnswer(text: string, bytesOf: ChoiceBytes = messageBytes): ChatAnswer {
  const body = parse(text);
  if (body === undefined) return { kind: 'garbage', reason: 'invalid-json' };
  if (!isJsonObject(body)) return { kind: 'garbage', reason: 'not-an-answer' };
  const error = backendErrorOf(body);
  if (error !== undefined) return { kind: 'backend-error', error };
  const { choices } = body;
  if (!Array.isArray(choices)) return { kind: 'garbage', reason: 'not-an-answer' };
  if (choices.length === 0) return { kind: 'garbage', reason: 'empty-answer' };
  const textBytes = choicesBytes(choices, bytesOf);
  if (textBytes === undefined) return { kind: 'garbage', reason: 'not-an-answer' };
  const seen: SeenOutput = { textBytes, deltas: 0 };
  const usage = plausible(unambiguous(readOpenAiUsage(body.usage), JsonDocument.from(body)), seen);
  const reasons = choices.map((choice) => (isJsonObject(choice) ? choice.finish_reason : undefined));
  const failure = failedFinish(reasons, usage, seen);
  if (failure !== undefined) return failure.kind === 'garbage' ? { ...failure, metered: { usage, seen } } : failure;
  return { kind: 'answer', usage, seen, ...firstReason(choices), body };
}

export interface ChatSettlement {
  readonly clientModel: string;
  /** What was charged; shown where the backend reported nothing usable. */
  readonly charged: TokenUsage;
  readonly cost: NanoUsd;
}

/** The client's answer: the backend's, with the client's name of the model, and usage with its cost. */
export function settledChatAnswer(
  answer: Extract<ChatAnswer, { kind: 'answer' }>,
  settled: ChatSettlement,
): JsonObject {
  const { body } = answer;
  const { usage } = body;
  const shown = answer.usage.kind === 'reported' && isJsonObject(usage) ? usage : openAiUsage(settled.charged);
  return { ...body, model: settled.clientModel, usage: usageWithCost(shown, settled.cost) };
}

/** The same as JSON text. */
export function renderChatAnswer(answer: Extract<ChatAnswer, { kind: 'answer' }>, settled: ChatSettlement): string {
  return writeEdited(settledChatAnswer(answer, settled), JsonDocument.from(answer.body));
}
