import { assertNever, type NanoUsd, NO_USAGE, type TokenUsage } from '#kernel';
import type { JsonObject } from '../../json';
import type { UsageDetails } from '../../metering/facts';
import { type AnswerHead, joinEvents, type NeutralEncoder, type NeutralEvent, type NeutralFinish } from '../../neutral';
import { eventFrame, MESSAGE_STOP_FRAME } from '../frames';
import { anthropicUsage, anthropicUsageWithCost } from '../usage';
import { toolInputOf } from './tool-input';

const REASONS: Readonly<Record<NeutralFinish, string>> = {
  stop: 'end_turn',
  length: 'max_tokens',
  'tool-calls': 'tool_use',
  'content-filter': 'refusal',
};

type Finish = Extract<NeutralEvent, { type: 'finish' }>;

function ending(finish: Finish | undefined): JsonObject {
  const sequence = finish?.stopSequence ?? null;
  return {
    stop_reason: sequence === null ? REASONS[finish?.reason ?? 'stop'] : 'stop_sequence',
    stop_sequence: sequence,
  };
}

function messageOf(head: AnswerHead, content: readonly JsonObject[]): JsonObject {
  return { id: `msg_${head.requestId}`, type: 'message', role: 'assistant', model: head.clientModel, content };
}

type BlockType = 'text' | 'thinking' | 'tool_use';

/** Writes a stream of message events from what any backend said: one block is open at a time. */
export class MessagesEncoder implements NeutralEncoder {
  #begun = false;
  #index = -1;
  #open: BlockType | undefined;
  #finish: Finish | undefined;

  constructor(private readonly head: AnswerHead) {}

  accept(event: NeutralEvent): string {
    const start = this.#begun ? '' : this.#start();
    this.#begun = true;
    return start + this.#write(event);
  }

  closing(charged: TokenUsage, cost: NanoUsd, details: UsageDetails = {}): string {
    const usage = anthropicUsageWithCost(anthropicUsage(charged, details), cost);
    return eventFrame({ type: 'message_delta', delta: ending(this.#finish), usage }) + MESSAGE_STOP_FRAME;
  }

  /** Nothing is counted yet: the counts of `message_delta` stand for these. */
  #start(): string {
    const message = { ...messageOf(this.head, []), stop_reason: null, stop_sequence: null };
    return eventFrame({ type: 'message_start', message: { ...message, usage: anthropicUsage(NO_USAGE) } });
  }

  #write(event: NeutralEvent): string {
    switch (event.type) {
      case 'text':
      case 'refusal':
        return this.#ensure('text', { type: 'text', text: '' }) + this.#delta({ type: 'text_delta', text: event.text });
      case 'reasoning':
        return this.#reasoning(event);
      case 'tool-call':
        return this.#begin('tool_use', { type: 'tool_use', id: event.id, name: event.name, input: {} });
      case 'tool-arguments':
        return this.#delta({ type: 'input_json_delta', partial_json: event.text });
      case 'finish':
        this.#finish = event;
        return this.#close();
      default:
        return assertNever(event);
    }
  }

  #reasoning({ text, signature }: Extract<NeutralEvent, { type: 'reasoning' }>): string {
    return (
      this.#ensure('thinking', { type: 'thinking', thinking: '', signature: '' }) +
      (text === '' ? '' : this.#delta({ type: 'thinking_delta', thinking: text })) +
      (signature === undefined ? '' : this.#delta({ type: 'signature_delta', signature }))
    );
  }

  #ensure(type: BlockType, block: JsonObject): string {
    return this.#open === type ? '' : this.#begin(type, block);
  }

  #begin(type: BlockType, block: JsonObject): string {
    const closed = this.#close();
    this.#index += 1;
    this.#open = type;
    return closed + eventFrame({ type: 'content_block_start', index: this.#index, content_block: block });
  }

  #delta(delta: JsonObject): string {
    return eventFrame({ type: 'content_block_delta', index: this.#index, delta });
  }

  #close(): string {
    if (this.#open === undefined) return '';
    this.#open = undefined;
    return eventFrame({ type: 'content_block_stop', index: this.#index });
  }
}

/** Whether an answer calls a tool with what is no object, which a message could not say. */
export function hasUnreadableInput(events: readonly NeutralEvent[]): boolean {
  const joined = joinEvents(events);
  return joined.some(
    (event, index) =>
      event.type === 'tool-arguments' && toolInputOf(event.text) === undefined && !isCutOff(joined, index),
  );
}

/** The last call of an answer that was cut off at its cap: what it asks for is not known, and so it is no call. */
function isCutOff(events: readonly NeutralEvent[], index: number): boolean {
  return events.slice(index + 1).every((event) => event.type === 'finish' && event.reason === 'length');
}

function blocksOf(events: readonly NeutralEvent[]): JsonObject[] {
  const blocks: JsonObject[] = [];
  for (const event of joinEvents(events)) {
    if (event.type === 'text' || event.type === 'refusal') blocks.push({ type: 'text', text: event.text });
    else if (event.type === 'reasoning')
      blocks.push({ type: 'thinking', thinking: event.text, signature: event.signature ?? '' });
    else if (event.type === 'tool-call') blocks.push({ type: 'tool_use', id: event.id, name: event.name, input: {} });
    else if (event.type === 'tool-arguments') {
      const [call, input] = [blocks.pop(), toolInputOf(event.text)];
      if (call !== undefined && input !== undefined) blocks.push({ ...call, input });
    }
  }
  return blocks;
}

/** An unstreamed message made from what any backend said. */
export function encodeMessagesAnswer(
  events: readonly NeutralEvent[],
  head: AnswerHead,
  charged: TokenUsage,
  cost: NanoUsd,
  details: UsageDetails = {},
): JsonObject {
  const finish = events.find((event) => event.type === 'finish');
  return {
    ...messageOf(head, blocksOf(events)),
    ...ending(finish),
    usage: anthropicUsageWithCost(anthropicUsage(charged, details), cost),
  };
}
