import { isJsonObject, type JsonObject } from '../../../json';
import type { NeutralAnswer, NeutralDecoder, NeutralEvent, NeutralFinish } from '../../../neutral';
import { ChatStream } from '../chat-stream';
import { readChatAnswer } from '../unstreamed-answer';

const FINISHES: Readonly<Record<string, NeutralFinish>> = {
  stop: 'stop',
  length: 'length',
  tool_calls: 'tool-calls',
  function_call: 'tool-calls',
  content_filter: 'content-filter',
};

/** Text of a content that may be a string or, with some backends, a list of parts. */
function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content.map((part) => (isJsonObject(part) ? textOf(part.text) : '')).join('');
}

const NO_ARGUMENTS: NeutralEvent = { type: 'tool-arguments', text: '{}' };

/** Follows the tool calls of one choice, which come in pieces told apart by their index. */
class ToolCalls {
  #open: number | undefined;
  #hasArguments = false;
  /** The id of each call that has begun, by its index. */
  readonly #begun = new Map<number, string>();
  /** A piece came for a call that others had already followed: such a stream cannot be told in order. */
  outOfOrder = false;

  /** Some servers call a tool and then say that they have stopped. */
  finish(reason: unknown): NeutralFinish {
    const finish = (typeof reason === 'string' ? FINISHES[reason] : undefined) ?? 'stop';
    return finish === 'stop' && this.#begun.size > 0 ? 'tool-calls' : finish;
  }

  /**
   * Something else follows. A function that takes nothing may come without arguments, and its caller parses them all the
   * same.
   */
  close(events: NeutralEvent[]): void {
    if (this.#open !== undefined && !this.#hasArguments) events.push(NO_ARGUMENTS);
    this.#open = undefined;
  }

  read(calls: unknown, events: NeutralEvent[]): void {
    if (!Array.isArray(calls)) return;
    for (const [position, call] of calls.entries()) if (isJsonObject(call)) this.#piece(call, position, events);
  }

  #piece(call: JsonObject, position: number, events: NeutralEvent[]): void {
    const index = typeof call.index === 'number' ? call.index : position;
    const fn = isJsonObject(call.function) ? call.function : {};
    const id = textOf(call.id);
    const name = textOf(fn.name);
    const begun = this.#begun.get(index);
    // Some servers give every call the same index; another id and a name of its own tell them apart.
    if (begun === undefined || (id !== '' && id !== begun && name !== '')) {
      this.close(events);
      const known = id === '' ? `call_${index}` : id;
      this.#begun.set(index, known);
      this.#open = index;
      this.#hasArguments = false;
      events.push({ type: 'tool-call', id: known, name });
    } else if (this.#open !== index) {
      this.outOfOrder = true;
      return;
    }
    if (typeof fn.arguments !== 'string' || fn.arguments === '') return;
    this.#hasArguments = true;
    events.push({ type: 'tool-arguments', text: fn.arguments });
  }
}

function readMessage(message: JsonObject, calls: ToolCalls, events: NeutralEvent[]): void {
  const say = (type: 'text' | 'refusal' | 'reasoning', text: string) => {
    if (text === '') return;
    calls.close(events);
    events.push({ type, text });
  };
  say('reasoning', textOf(message.reasoning_content ?? message.reasoning));
  say('text', textOf(message.content));
  say('refusal', textOf(message.refusal));
  calls.read(message.tool_calls, events);
}

/** Reads the stream of a chat backend, one choice of it: no other dialect has more. */
export class ChatDecoder implements NeutralDecoder {
  readonly #stream: ChatStream;
  readonly #calls = new ToolCalls();
  #events: NeutralEvent[] = [];
  #isFinished = false;

  constructor() {
    this.#stream = new ChatStream({
      // What the relay writes is not used here, so what it would be called does not matter.
      clientModel: '',
      includeUsage: false,
      choices: 1,
      fallbackId: '',
      createdSeconds: 0,
      onChunk: (chunk) => this.#take(chunk),
    });
  }

  get finished(): boolean {
    return this.#stream.finished;
  }

  get ended(): boolean {
    return this.#stream.ended || this.#calls.outOfOrder;
  }

  push(chunk: Uint8Array): readonly NeutralEvent[] {
    this.#events = [];
    this.#stream.push(chunk);
    return this.#events;
  }

  end(wasClean: boolean): ReturnType<NeutralDecoder['end']> {
    this.#events = [];
    const outcome = this.#stream.end(wasClean);
    if (this.#calls.outOfOrder)
      return {
        events: [],
        outcome: { kind: 'garbage', reason: 'not-an-answer', usage: outcome.usage, seen: outcome.seen },
      };
    // A backend may end with [DONE] alone; the client's dialect needs a finish all the same.
    if (outcome.kind === 'complete' && !this.#isFinished) this.#finish('stop');
    return { events: this.#events, outcome };
  }

  #take(chunk: JsonObject): void {
    const choices: readonly unknown[] = Array.isArray(chunk.choices) ? chunk.choices : [];
    for (const choice of choices) {
      if (!isJsonObject(choice)) continue;
      if (isJsonObject(choice.delta)) readMessage(choice.delta, this.#calls, this.#events);
      if (typeof choice.finish_reason === 'string' && choice.finish_reason !== '') this.#finish(choice.finish_reason);
    }
  }

  #finish(reason: string): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    this.#calls.close(this.#events);
    this.#events.push({ type: 'finish', reason: this.#calls.finish(reason) });
  }
}

/** Reads an unstreamed answer of a chat backend, its first choice. */
export function decodeChatAnswer(text: string): NeutralAnswer {
  const answer = readChatAnswer(text);
  if (answer.kind !== 'answer') return answer;
  const { usage, seen, finishReason, body } = answer;
  const [choice]: readonly unknown[] = Array.isArray(body.choices) ? body.choices : [];
  const events: NeutralEvent[] = [];
  const calls = new ToolCalls();
  if (isJsonObject(choice) && isJsonObject(choice.message)) readMessage(choice.message, calls, events);
  calls.close(events);
  events.push({ type: 'finish', reason: calls.finish(finishReason) });
  return {
    kind: 'answer',
    events,
    usage,
    seen,
    ...(finishReason === undefined ? {} : { finishReason }),
  };
}
