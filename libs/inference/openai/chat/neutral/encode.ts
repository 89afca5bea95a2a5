import { assertNever, type NanoUsd, type TokenUsage } from '#kernel';
import type { JsonObject } from '../../../json';
import type { UsageDetails } from '../../../metering/facts';
import {
  type AnswerHead,
  joinEvents,
  type NeutralEncoder,
  type NeutralEvent,
  type NeutralFinish,
} from '../../../neutral';
import { DONE_FRAME, dataFrame, openAiUsage, usageFrame, usageWithCost } from '../make-frames';

const REASONS: Readonly<Record<NeutralFinish, string>> = {
  stop: 'stop',
  length: 'length',
  'tool-calls': 'tool_calls',
  'content-filter': 'content_filter',
};

const ID_PREFIX = 'chatcmpl-';

/** Writes a chat stream from what any backend said. */
export class ChatEncoder implements NeutralEncoder {
  #begun = false;
  #calls = 0;

  constructor(
    private readonly head: AnswerHead,
    private readonly includeUsage: boolean,
  ) {}

  accept(event: NeutralEvent): string {
    const start = this.#begun ? '' : this.#chunk({ role: 'assistant', content: '' }, null);
    this.#begun = true;
    return start + this.#write(event);
  }

  closing(charged: TokenUsage, cost: NanoUsd, details: UsageDetails = {}): string {
    const { requestId, createdSeconds, clientModel } = this.head;
    const head = { id: `${ID_PREFIX}${requestId}`, created: createdSeconds, model: clientModel };
    return `${this.includeUsage ? usageFrame(head, openAiUsage(charged, details), cost) : ''}${DONE_FRAME}`;
  }

  #write(event: NeutralEvent): string {
    switch (event.type) {
      case 'text':
        return this.#chunk({ content: event.text }, null);
      case 'refusal':
        return this.#chunk({ refusal: event.text }, null);
      case 'reasoning':
        return event.text === '' ? '' : this.#chunk({ reasoning_content: event.text }, null);
      case 'tool-call':
        this.#calls += 1;
        return this.#call({ id: event.id, type: 'function', function: { name: event.name, arguments: '' } });
      case 'tool-arguments':
        return this.#call({ function: { arguments: event.text } });
      case 'finish':
        return this.#chunk({}, REASONS[event.reason]);
      default:
        return assertNever(event);
    }
  }

  #call(piece: JsonObject): string {
    return this.#chunk({ tool_calls: [{ index: this.#calls - 1, ...piece }] }, null);
  }

  #chunk(delta: JsonObject, finishReason: string | null): string {
    return dataFrame(
      JSON.stringify({
        id: `${ID_PREFIX}${this.head.requestId}`,
        object: 'chat.completion.chunk',
        created: this.head.createdSeconds,
        model: this.head.clientModel,
        choices: [{ index: 0, delta, logprobs: null, finish_reason: finishReason }],
      }),
    );
  }
}

interface Message {
  content: string | null;
  refusal: string | null;
  reasoning: string;
  toolCalls: { id: string; type: 'function'; function: { name: string; arguments: string } }[];
  finishReason: string;
}

function take(message: Message, event: NeutralEvent): void {
  switch (event.type) {
    case 'text':
      message.content = (message.content ?? '') + event.text;
      break;
    case 'refusal':
      message.refusal = (message.refusal ?? '') + event.text;
      break;
    case 'reasoning':
      message.reasoning += event.text;
      break;
    case 'tool-call':
      message.toolCalls.push({ id: event.id, type: 'function', function: { name: event.name, arguments: '' } });
      break;
    case 'tool-arguments': {
      const call = message.toolCalls.at(-1);
      if (call !== undefined) call.function.arguments += event.text;
      break;
    }
    case 'finish':
      message.finishReason = REASONS[event.reason];
      break;
    default:
      assertNever(event);
  }
}

/** An unstreamed chat answer made from what any backend said. */
export function encodeChatAnswer(
  events: readonly NeutralEvent[],
  head: AnswerHead,
  charged: TokenUsage,
  cost: NanoUsd,
  details: UsageDetails = {},
): JsonObject {
  const message: Message = { content: null, refusal: null, reasoning: '', toolCalls: [], finishReason: 'stop' };
  for (const event of joinEvents(events)) take(message, event);
  const { content, refusal, reasoning, toolCalls, finishReason } = message;
  return {
    id: `${ID_PREFIX}${head.requestId}`,
    object: 'chat.completion',
    created: head.createdSeconds,
    model: head.clientModel,
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content,
          refusal,
          ...(reasoning === '' ? {} : { reasoning_content: reasoning }),
          ...(toolCalls.length === 0 ? {} : { tool_calls: toolCalls }),
        },
        logprobs: null,
        finish_reason: finishReason,
      },
    ],
    usage: usageWithCost(openAiUsage(charged, details), cost),
  };
}
