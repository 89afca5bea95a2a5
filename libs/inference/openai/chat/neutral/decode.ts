import { isJsonObject, JsonDocument, type JsonObject } from '../../../json';
import { isFailure } from '../../../metering/failed-finish';
import type { NeutralAnswer, NeutralDecoder, NeutralEvent } from '../../../neutral';
import { ChatStream } from '../chat-stream';
import { readChatAnswer } from '../unstreamed-answer';
import { ToolCalls } from './tool-calls';

/** Text of a content that may be a string or, with some backends, a list of parts. */
function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content.map((part) => (isJsonObject(part) ? textOf(part.text) : '')).join('');
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
  calls.read(message, events);
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
      onChunk: (chunk, data) => this.#take(chunk, data),
    });
  }

  get finished(): boolean {
    return this.#stream.finished;
  }

  get ended(): boolean {
    return this.#stream.ended || this.#calls.isUnfit;
  }

  push(chunk: Uint8Array): readonly NeutralEvent[] {
    this.#events = [];
    this.#stream.push(chunk);
    return this.#events;
  }

  end(wasClean: boolean): ReturnType<NeutralDecoder['end']> {
    this.#events = [];
    const outcome = this.#stream.end(wasClean);
    // A backend may end without a reason; the client's dialect needs a finish all the same.
    if (outcome.kind === 'complete' && !this.#isFinished) this.#finish('stop');
    if (!this.#calls.isUnfit) return { events: this.#events, outcome };
    const { usage, seen } = outcome;
    return { events: [], outcome: { kind: 'garbage', reason: 'tool-call-unreadable', usage, seen } };
  }

  #take(chunk: JsonObject, data: string): void {
    this.#calls.source = JsonDocument.of(data, chunk);
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
    // A failure is told as one when the stream is judged.
    if (!isFailure(reason)) this.#events.push({ type: 'finish', reason: this.#calls.finish(reason) });
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
  calls.source = JsonDocument.from(body);
  if (isJsonObject(choice) && isJsonObject(choice.message)) readMessage(choice.message, calls, events);
  calls.close(events);
  events.push({ type: 'finish', reason: calls.finish(finishReason) });
  if (calls.isUnfit) return { kind: 'garbage', reason: 'tool-call-unreadable', metered: { usage, seen } };
  return {
    kind: 'answer',
    events,
    usage,
    seen,
    ...(finishReason === undefined ? {} : { finishReason }),
  };
}
