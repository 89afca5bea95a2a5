import { isJsonObject, type JsonDocument, type JsonObject, textWithin } from '../../../json';
import type { NeutralEvent, NeutralFinish } from '../../../neutral';

const FINISHES: ReadonlyMap<unknown, NeutralFinish> = new Map<unknown, NeutralFinish>([
  ['stop', 'stop'],
  ['length', 'length'],
  ['tool_calls', 'tool-calls'],
  ['function_call', 'tool-calls'],
  ['content_filter', 'content-filter'],
]);

/** What all arguments of one answer may come to. */
const ARGUMENTS_CHARACTERS_MAX = 16 * 1024 * 1024;

/** A call of the one function that could be called before there were tools; no index of a tool is negative. */
const LEGACY_INDEX = -1;

interface Call {
  readonly id: string;
  name: string;
  /** The JSON text of the arguments, as far as it has come and as far as it was told. */
  text: string;
  toldCharacters: number;
  hasBegun: boolean;
  isOver: boolean;
}

/** The JSON text that a piece of arguments adds; undefined when it is no arguments. Some servers send the object itself. */
function textOf(piece: unknown, source: JsonDocument | undefined): string | undefined {
  if (piece === undefined || piece === null) return '';
  if (typeof piece === 'string') return piece;
  return isJsonObject(piece) ? textWithin(piece, source) : undefined;
}

function isWhole(text: string): boolean {
  if (!text.trimEnd().endsWith('}')) return false;
  try {
    return isJsonObject(JSON.parse(text));
  } catch {
    return false;
  }
}

/**
 * Follows the tool calls of one choice, which come in pieces told apart by their index. They are told one after the
 * other: while one is not whole, the pieces of those that began later wait. What cannot be told as it was said is never
 * told as something else: see `isUnfit`.
 */
export class ToolCalls {
  /** In the order in which they began. */
  readonly #calls: Call[] = [];
  readonly #byIndex = new Map<number, Call>();
  /** The first that is not over. */
  #current = 0;
  #characters = 0;
  /** What the message at hand stands in: arguments that are no text are told as they stand there. */
  source: JsonDocument | undefined;
  /** Arguments of another shape than JSON text, a call of nothing, or a piece of a call that had ended. */
  isUnfit = false;

  /** Some servers call a tool and then say that they have stopped. */
  finish(reason: unknown): NeutralFinish {
    const finish = FINISHES.get(reason) ?? 'stop';
    return finish === 'stop' && this.#calls.length > 0 ? 'tool-calls' : finish;
  }

  /** Something else follows, or nothing: all that was said is told. */
  close(events: NeutralEvent[]): void {
    while (this.#current < this.#calls.length) this.#end(events);
  }

  read({ tool_calls: calls, function_call: legacy }: JsonObject, events: NeutralEvent[]): void {
    if (Array.isArray(calls)) for (const [position, call] of calls.entries()) this.#tool(call, position, events);
    else if (isJsonObject(legacy)) this.#piece(legacy, { index: LEGACY_INDEX, id: '' }, events);
  }

  #tool(call: unknown, position: number, events: NeutralEvent[]): void {
    if (!isJsonObject(call)) return;
    const { index, id, function: fn } = call;
    const place = { index: typeof index === 'number' ? index : position, id: typeof id === 'string' ? id : '' };
    this.#piece(isJsonObject(fn) ? fn : {}, place, events);
  }

  #piece(
    { name: said, arguments: given }: JsonObject,
    { index, id }: { readonly index: number; readonly id: string },
    events: NeutralEvent[],
  ): void {
    const name = typeof said === 'string' ? said : '';
    const known = this.#byIndex.get(index);
    // Some servers give every call the same index; another id and a name of its own tell them apart.
    const isNew = known === undefined || (id !== '' && id !== known.id && name !== '');
    const call = isNew ? this.#begin(index, id, name, events) : known;
    if (call.name === '') call.name = name;
    const text = textOf(given, this.source);
    this.#characters += text?.length ?? 0;
    if (text === undefined || (text !== '' && call.isOver) || this.#characters > ARGUMENTS_CHARACTERS_MAX) {
      this.isUnfit = true;
      return;
    }
    call.text += text;
    this.#tell(events);
  }

  #begin(index: number, id: string, name: string, events: NeutralEvent[]): Call {
    const before = this.#calls[this.#current];
    if (before !== undefined && isWhole(before.text)) this.#end(events);
    const known = id === '' ? `call_${Math.max(0, index)}` : id;
    const call: Call = { id: known, name, text: '', toldCharacters: 0, hasBegun: false, isOver: false };
    this.#calls.push(call);
    this.#byIndex.set(index, call);
    return call;
  }

  /** Tells what the call at hand has said. */
  #tell(events: NeutralEvent[]): void {
    const call = this.#calls[this.#current];
    if (call === undefined || call.name === '') return;
    if (!call.hasBegun) events.push({ type: 'tool-call', id: call.id, name: call.name });
    call.hasBegun = true;
    if (call.text.length > call.toldCharacters)
      events.push({ type: 'tool-arguments', text: call.text.slice(call.toldCharacters) });
    call.toldCharacters = call.text.length;
  }

  #end(events: NeutralEvent[]): void {
    this.#tell(events);
    const call = this.#calls[this.#current];
    this.#current += 1;
    if (call === undefined) return;
    call.isOver = true;
    if (!call.hasBegun) this.isUnfit = true;
    // A function that takes nothing may come without arguments, and its caller parses them all the same.
    else if (call.text.trim() === '') events.push({ type: 'tool-arguments', text: '{}' });
    // What waited behind it.
    this.#tell(events);
  }
}
