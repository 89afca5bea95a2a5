import { assertNever, formatUsd, type NanoUsd, type TokenUsage } from '#kernel';
import { isJsonObject, type JsonObject } from '../json';
import { dataFrame } from '../openai/chat/make-frames';
import type { InferenceRequest } from './parse-request';

export interface InferenceSettlement {
  readonly requestId: string;
  readonly charged: TokenUsage;
  readonly cost: NanoUsd;
  readonly latencyMs: number;
}

function promptTokens({ input, cachedInput, cacheWrite }: TokenUsage): number {
  return input + cachedInput + cacheWrite;
}

function usageOf({ charged, cost, latencyMs }: InferenceSettlement): JsonObject {
  const prompt = promptTokens(charged);
  return {
    prompt_tokens: prompt,
    completion_tokens: charged.output,
    total_tokens: prompt + charged.output,
    cost_usd: formatUsd(cost),
    latency_ms: latencyMs,
  };
}

function choicesOf(chat: JsonObject): { choice: JsonObject; message: JsonObject }[] {
  const choices: readonly unknown[] = Array.isArray(chat.choices) ? chat.choices : [];
  return choices.filter(isJsonObject).map((choice) => ({
    choice,
    message: isJsonObject(choice.message) ? choice.message : {},
  }));
}

function textOf(message: JsonObject): string {
  return typeof message.content === 'string' ? message.content : '';
}

/** The platform's own form of a chat's answer; its id is the call's, under which the record can be looked up. */
export function inferenceAnswer(
  request: Pick<InferenceRequest, 'model' | 'form'>,
  chat: JsonObject,
  settled: InferenceSettlement,
): JsonObject {
  const { model, form } = request;
  const head = { id: settled.requestId, model };
  const choices = choicesOf(chat);
  switch (form.kind) {
    case 'prompt':
      return {
        ...head,
        choices: choices.map(({ choice, message }, index) => ({
          text: textOf(message),
          index,
          finish_reason: choice.finish_reason,
        })),
        usage: usageOf(settled),
      };
    case 'messages':
      return {
        ...head,
        choices: choices.map(({ choice, message }, index) => ({
          message,
          index,
          finish_reason: choice.finish_reason,
        })),
        usage: usageOf(settled),
      };
    case 'payload': {
      const [first] = choices;
      const { charged, cost, latencyMs } = settled;
      return {
        request_id: form.clientRequestId ?? settled.requestId,
        ...head,
        output: {
          text: textOf(first?.message ?? {}),
          message: first?.message ?? null,
          finish_reason: first?.choice.finish_reason ?? null,
        },
        usage: {
          tokens_input: promptTokens(charged),
          tokens_output: charged.output,
          latency_ms: latencyMs,
          cost_usd: formatUsd(cost),
        },
      };
    }
    default:
      return assertNever(form);
  }
}

/** The last chunk of a stream, with what every unstreamed answer says about its cost. */
export function inferenceUsageFrame(model: string, createdSeconds: number, settled: InferenceSettlement): string {
  return dataFrame(
    JSON.stringify({
      id: settled.requestId,
      object: 'chat.completion.chunk',
      created: createdSeconds,
      model,
      choices: [],
      usage: usageOf(settled),
    }),
  );
}
