import { isJsonObject, JsonDocument, type JsonObject, textWithin } from '../../json';
import { isFailure } from '../../metering/failed-finish';
import type { NeutralAnswer, NeutralDecoder, NeutralEvent, NeutralFinish } from '../../neutral';
import { readMessagesAnswer } from '../answer';
import { MessagesStream } from '../messages-stream';

const FINISHES: ReadonlyMap<unknown, NeutralFinish> = new Map<unknown, NeutralFinish>([
  ['end_turn', 'stop'],
  ['stop_sequence', 'stop'],
  ['pause_turn', 'stop'],
  ['max_tokens', 'length'],
  ['model_context_window_exceeded', 'length'],
  ['tool_use', 'tool-calls'],
  ['refusal', 'content-filter'],
]);

function finishOf({ stop_reason: reason, stop_sequence: sequence }: JsonObject): NeutralEvent {
  return {
    type: 'finish',
    reason: FINISHES.get(reason) ?? 'stop',
    ...(typeof sequence === 'string' ? { stopSequence: sequence } : {}),
  };
}

/** The JSON text of a tool's input, however it was sent; undefined when it is none. */
function inputText(input: unknown, source: JsonDocument | undefined): string | undefined {
  if (input === undefined || input === null) return '';
  if (typeof input === 'string') return input;
  return isJsonObject(input) ? textWithin(input, source) : undefined;
}

const NO_INPUT = '{}';

function isToolUse({ type, id, name }: JsonObject): boolean {
  return type === 'tool_use' && typeof id === 'string' && typeof name === 'string';
}

/** What a block says at its beginning; of a tool's input nothing yet. */
function readBlock(block: JsonObject, events: NeutralEvent[]): void {
  switch (block.type) {
    case 'text':
      if (typeof block.text === 'string' && block.text !== '') events.push({ type: 'text', text: block.text });
      break;
    case 'thinking':
      readThinking(block, events);
      break;
    case 'tool_use':
      events.push({ type: 'tool-call', id: String(block.id), name: String(block.name) });
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
  /** The input that the block of a tool began with, until a piece of it comes: usually an empty object. */
  #input: string | undefined;
  #isUnfit = false;

  constructor() {
    // What the stream writes is not used here, so what the model would be called does not matter.
    this.#stream = new MessagesStream({ clientModel: '', onEvent: (event, data) => this.#take(event, data) });
  }

  get finished(): boolean {
    return this.#stream.finished;
  }

  get ended(): boolean {
    return this.#stream.ended || this.#isUnfit;
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
    if (!this.#isUnfit) return { events: this.#events, outcome };
    const { usage, seen } = outcome;
    return { events: [], outcome: { kind: 'garbage', reason: 'tool-call-unreadable', usage, seen } };
  }

  #take(event: JsonObject, data: string): void {
    const { content_block: block, delta } = event;
    const source = JsonDocument.of(data, event);
    if (event.type !== 'content_block_delta') this.#endArguments();
    if (event.type === 'content_block_start' && isJsonObject(block)) this.#begin(block, source);
    else if (event.type === 'content_block_delta' && isJsonObject(delta)) this.#continue(delta, source);
    else if (event.type === 'message_delta' && isJsonObject(delta) && typeof delta.stop_reason === 'string')
      this.#finish(delta);
  }

  #begin(block: JsonObject, source: JsonDocument): void {
    readBlock(block, this.#events);
    this.#isInTool = block.type === 'tool_use';
    if (!this.#isInTool) return;
    this.#input = inputText(block.input, source);
    this.#isUnfit ||= this.#input === undefined || !isToolUse(block);
  }

  #continue(delta: JsonObject, source: JsonDocument): void {
    if (delta.type === 'input_json_delta') this.#addInput(delta.partial_json, source);
    else readDelta(delta, this.#events);
  }

  #addInput(piece: unknown, source: JsonDocument): void {
    // Tools of the backend's own have arguments as well, which are none of the client's.
    if (!this.#isInTool) return;
    const text = inputText(piece, source);
    this.#isUnfit ||= text === undefined;
    if (text === undefined || text === '') return;
    this.#input = undefined;
    this.#events.push({ type: 'tool-arguments', text });
  }

  /** Of a tool whose input came in no pieces all stands at its beginning, and a caller parses nothing all the same. */
  #endArguments(): void {
    const input = this.#input;
    this.#input = undefined;
    if (input !== undefined)
      this.#events.push({ type: 'tool-arguments', text: input.trim() === '' ? NO_INPUT : input });
  }

  #finish(delta: JsonObject): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    // A failure is told as one when the stream is judged.
    if (!isFailure(delta.stop_reason)) this.#events.push(finishOf(delta));
  }
}

/** Reads an unstreamed answer of an Anthropic backend. */
export function decodeMessagesAnswer(text: string): NeutralAnswer {
  const answer = readMessagesAnswer(text);
  if (answer.kind !== 'answer') return answer;
  const { usage, seen, finishReason, body } = answer;
  const events: NeutralEvent[] = [];
  const content: readonly unknown[] = Array.isArray(body.content) ? body.content : [];
  for (const block of content) {
    if (!isJsonObject(block)) continue;
    readBlock(block, events);
    if (block.type !== 'tool_use') continue;
    const input = inputText(block.input, JsonDocument.from(body));
    if (input === undefined || !isToolUse(block))
      return { kind: 'garbage', reason: 'tool-call-unreadable', metered: { usage, seen } };
    events.push({ type: 'tool-arguments', text: input.trim() === '' ? NO_INPUT : input });
  }
  events.push(finishOf(body));
  return {
    kind: 'answer',
    events,
    usage,
    seen,
    ...(finishReason === undefined ? {} : { finishReason }),
  };
}
