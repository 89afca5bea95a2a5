import { isJsonObject, type JsonObject } from '../../json';
import type { NeutralAnswer, NeutralDecoder, NeutralEvent, NeutralFinish } from '../../neutral';
import { readMessagesAnswer } from '../answer';
import { MessagesStream } from '../messages-stream';

const FINISHES: Readonly<Record<string, NeutralFinish>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  pause_turn: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool-calls',
  refusal: 'content-filter',
};

function finishOf({ stop_reason: reason, stop_sequence: sequence }: JsonObject): NeutralEvent {
  return {
    type: 'finish',
    reason: (typeof reason === 'string' ? FINISHES[reason] : undefined) ?? 'stop',
    ...(typeof sequence === 'string' ? { stopSequence: sequence } : {}),
  };
}

/** What a block says at its beginning; whole, in an unstreamed answer. */
function readBlock(block: JsonObject, isWhole: boolean, events: NeutralEvent[]): void {
  switch (block.type) {
    case 'text':
      if (typeof block.text === 'string' && block.text !== '') events.push({ type: 'text', text: block.text });
      break;
    case 'thinking':
      readThinking(block, events);
      break;
    case 'tool_use':
      events.push({ type: 'tool-call', id: String(block.id), name: String(block.name) });
      // In a stream the arguments follow in pieces, and what stands here is an empty object.
      if (isWhole) events.push({ type: 'tool-arguments', text: JSON.stringify(block.input ?? {}) });
      break;
    default:
      break; // Sealed reasoning: nothing that another dialect could show.
  }
}

function readThinking({ thinking, signature }: JsonObject, events: NeutralEvent[]): void {
  const text = typeof thinking === 'string' ? thinking : '';
  const seal = typeof signature === 'string' && signature !== '' ? { signature } : {};
  if (text !== '' || 'signature' in seal) events.push({ type: 'reasoning', text, ...seal });
}

function readDelta(delta: JsonObject, events: NeutralEvent[]): void {
  switch (delta.type) {
    case 'text_delta':
      if (typeof delta.text === 'string') events.push({ type: 'text', text: delta.text });
      break;
    case 'thinking_delta':
    case 'signature_delta':
      readThinking(delta, events);
      break;
    case 'input_json_delta':
      if (typeof delta.partial_json === 'string' && delta.partial_json !== '')
        events.push({ type: 'tool-arguments', text: delta.partial_json });
      break;
    default:
      break; // Citations: only Anthropic's own clients read them.
  }
}

/** Reads the stream of an Anthropic backend. */
export class MessagesDecoder implements NeutralDecoder {
  readonly #stream: MessagesStream;
  #events: NeutralEvent[] = [];
  #isFinished = false;
  #isInTool = false;
  /** A tool call has begun, and no piece of its arguments has come yet. */
  #awaitsArguments = false;

  constructor() {
    // What the stream writes is not used here, so what the model would be called does not matter.
    this.#stream = new MessagesStream({ clientModel: '', onEvent: (event) => this.#take(event) });
  }

  get finished(): boolean {
    return this.#stream.finished;
  }

  get ended(): boolean {
    return this.#stream.ended;
  }

  push(chunk: Uint8Array): readonly NeutralEvent[] {
    this.#events = [];
    this.#stream.push(chunk);
    return this.#events;
  }

  end(wasClean: boolean): ReturnType<NeutralDecoder['end']> {
    this.#events = [];
    const outcome = this.#stream.end(wasClean);
    if (outcome.kind === 'complete' && !this.#isFinished) this.#finish({});
    return { events: this.#events, outcome };
  }

  #take(event: JsonObject): void {
    const { content_block: block, delta } = event;
    if (event.type !== 'content_block_delta') this.#endArguments();
    if (event.type === 'content_block_start' && isJsonObject(block)) this.#begin(block);
    else if (event.type === 'content_block_delta' && isJsonObject(delta)) this.#continue(delta);
    else if (event.type === 'message_delta' && isJsonObject(delta) && typeof delta.stop_reason === 'string')
      this.#finish(delta);
  }

  #begin(block: JsonObject): void {
    readBlock(block, false, this.#events);
    this.#isInTool = block.type === 'tool_use';
    this.#awaitsArguments = this.#isInTool;
  }

  #continue(delta: JsonObject): void {
    // Tools of the backend's own have arguments as well, which are none of the client's.
    if (delta.type === 'input_json_delta' && !this.#isInTool) return;
    readDelta(delta, this.#events);
    if (this.#events.at(-1)?.type === 'tool-arguments') this.#awaitsArguments = false;
  }

  /** A tool that takes nothing comes without arguments, and its caller parses them all the same. */
  #endArguments(): void {
    if (this.#awaitsArguments) this.#events.push({ type: 'tool-arguments', text: '{}' });
    this.#awaitsArguments = false;
  }

  #finish(delta: JsonObject): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    this.#events.push(finishOf(delta));
  }
}

/** Reads an unstreamed answer of an Anthropic backend. */
export function decodeMessagesAnswer(text: string): NeutralAnswer {
  const answer = readMessagesAnswer(text);
  if (answer.kind !== 'answer') return answer;
  const { usage, seen, finishReason, body } = answer;
  const events: NeutralEvent[] = [];
  const content: readonly unknown[] = Array.isArray(body.content) ? body.content : [];
  for (const block of content) if (isJsonObject(block)) readBlock(block, true, events);
  events.push(finishOf(body));
  return {
    kind: 'answer',
    events,
    usage,
    seen,
    ...(finishReason === undefined ? {} : { finishReason }),
  };
}
