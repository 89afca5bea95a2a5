import { foreignText, type NanoUsd, type TokenUsage } from '#kernel';
import type { BackendError, GarbageReason } from '../../backends/trouble';
import { isJsonObject, JsonDocument, type JsonObject } from '../../json';
import type { UsageReading } from '../../metering/facts';
import { failedFinish } from '../../metering/failed-finish';
import { inputOnly, plausible, readOpenAiUsage, unambiguous } from '../../metering/usage';
import { isDone, isSignOfLife } from '../../streaming/signs-of-life';
import type { SseRemainder } from '../../streaming/sse-parser';
import { backendErrorOf, backendErrorOfFrame } from './backend-error';
import { ChunkEditor } from './chunk-editor';
import { type ChunkHead, openAiUsage, usageFrame } from './make-frames';
import { OpenChoices } from './open-choices';
import type { ChatStreamOutcome } from './outcome';
import { generatedBytes } from './seen';

export interface ChatStreamOptions {
  /** Written into every chunk in place of the backend's name of the model. */
  readonly clientModel: string;
  /** Whether the client asked for the usage chunk. */
  readonly includeUsage: boolean;
  /** How many choices the request asked for. */
  readonly choices: number;
  /** For chunks that the platform makes when the backend's carry no id: the request id and the time in seconds. */
  readonly fallbackId: string;
  readonly createdSeconds: number;
  /** What `object` says in chunks that the platform makes; a chat's by default. */
  readonly object?: string;
  /** UTF-8 bytes that a choice generated; by default those of its `delta`. */
  readonly bytesOf?: (choice: JsonObject) => number;
  /** Is told of every chunk that is understood, for those who do not pass it on as it is. */
  readonly onChunk?: (chunk: JsonObject, data: string) => void;
}

function deltaBytes({ delta }: JsonObject): number {
  return isJsonObject(delta) ? generatedBytes(delta) : 0;
}

/** Finish reasons are short words; this one goes into the record. */
const FINISH_REASON_BYTES_MAX = 64;
const EMPTY: readonly unknown[] = [];

function isUsageOf({ value }: JsonDocument, usage: unknown): boolean {
  return isJsonObject(value) && value.usage === usage;
}

function indexOf(choice: JsonObject, choicesMax: number): number {
  const index = choice.index;
  return typeof index === 'number' && Number.isInteger(index) && index >= 0 && index < choicesMax ? index : 0;
}

/**
 * Passes the frames of one chat stream on to its client and learns from them what the call cost and how it ended.
 *
 * Feed each frame to `accept` and write what it answers. Usage and `[DONE]` are held back: after the settlement is
 * durable the caller writes `usage(…)` if the client asked for it, and DONE_FRAME. When no more frames come, for
 * whatever reason, `end` judges how the stream went.
 */
export class ChatStreamRelay {
  readonly #choices: OpenChoices;
  #head: ChunkHead | undefined;
  #hasChoices = false;
  #begun = false;
  #done = false;
  #garbage: GarbageReason | undefined;
  #error: BackendError | undefined;
  #rawUsage: unknown;
  /** The chunk that it stood in. */
  #usageSource: JsonDocument | undefined;
  /** More was generated after the last usage: it is a count on the way, and not the call's. */
  #usageIsStale = false;
  #textBytes = 0;
  #deltas = 0;
  #contentAfterFinish = false;
  readonly #editor: ChunkEditor;
  readonly #bytesOf: (choice: JsonObject) => number;

  constructor(private readonly options: ChatStreamOptions) {
    this.#choices = new OpenChoices(options.choices);
    this.#editor = new ChunkEditor(options.clientModel, options.includeUsage);
    this.#bytesOf = options.bytesOf ?? deltaBytes;
  }

  /** Whether the client has been given anything yet; before that an error can keep its true status. */
  get begun(): boolean {
    return this.#begun;
  }

  /** Every choice has its finish reason; only usage and `[DONE]` are still to come. */
  get finished(): boolean {
    return this.#choices.allFinished;
  }

  /** Nothing that may still come matters: the end, an error or garbage was seen. */
  get ended(): boolean {
    return this.#done || this.#garbage !== undefined || this.#error !== undefined;
  }

  /**
   * Takes one frame; answers what the client gets for it, often the same, sometimes nothing (''). An answer that has
   * finished stays so, whatever odd frames follow.
   */
  accept(data: string, event = ''): string {
    if (this.ended) return '';
    if (isDone(data)) {
      this.#done = true;
      return '';
    }
    const chunk = event === 'error' ? this.#fail(backendErrorOfFrame(data)) : this.#parse(data, event);
    if (chunk === undefined) return '';
    const choices = chunk.choices ?? EMPTY;
    if (!Array.isArray(choices) || !choices.every(isJsonObject)) return this.#reject('not-an-answer');
    // A usage may come without choices; anything else that has none is no part of the answer.
    const isChunk = Array.isArray(chunk.choices);
    if (isChunk) this.#learn(chunk);
    this.#hasChoices ||= choices.length > 0;
    for (const choice of choices) this.#choice(choice);
    const carriesUsage = this.#takeUsage(chunk, data);
    this.options.onChunk?.(chunk, data);
    // A chunk without choices is usage, which is ours to send, or an annotation that only some clients expect.
    if (!isChunk || (choices.length === 0 && (carriesUsage || !this.options.includeUsage))) return '';
    this.#begun = true;
    return this.#editor.frame(data, chunk);
  }

  /** The bytes can no longer be cut into frames. */
  reject(reason: GarbageReason): void {
    if (this.ended) return;
    if (this.finished) this.#done = true;
    else this.#garbage = reason;
  }

  /** The backend's usage, or what was charged where it reported none, as the last chunk. */
  usage(charged: TokenUsage, cost: NanoUsd): string {
    const isReported = this.#reading().kind === 'reported' && isJsonObject(this.#rawUsage);
    return usageFrame(
      this.#ownHead(),
      isReported ? (this.#rawUsage as JsonObject) : openAiUsage(charged),
      cost,
      this.#usageSource,
    );
  }

  /** @param remainder what the SSE parser was left with; undefined after a clean end or when the body failed. */
  end(remainder?: SseRemainder): ChatStreamOutcome {
    if (remainder !== undefined && !this.ended) this.#takeRemainder(remainder);
    const metered = { usage: this.#reading(), seen: { textBytes: this.#textBytes, deltas: this.#deltas } };
    if (this.#error !== undefined) return { kind: 'backend-error', error: this.#error, ...metered };
    if (this.#garbage !== undefined) return { kind: 'garbage', reason: this.#garbage, ...metered };
    if (this.#done && !this.#hasChoices) return { kind: 'garbage', reason: 'empty-answer', ...metered };
    const failure = failedFinish(this.#choices.reasons, metered.usage, metered.seen);
    if (failure !== undefined) return { ...failure, ...metered };
    // Some servers give no reasons; their count of the tokens says as well that the answer was whole.
    if (this.#choices.allFinished || (this.#done && metered.usage.kind === 'reported')) {
      const reason = this.#choices.firstReason;
      return {
        kind: 'complete',
        ...(reason === undefined ? {} : { finishReason: foreignText(reason, FINISH_REASON_BYTES_MAX) }),
        contentAfterFinish: this.#contentAfterFinish,
        ...metered,
      };
    }
    return { kind: 'cut', openChoices: this.#choices.open(), ...metered };
  }

  /** Some servers end without the last blank line: what is whole counts, half a frame is garbage. */
  #takeRemainder(remainder: SseRemainder): void {
    this.accept(remainder.data);
    if (this.#garbage !== undefined) this.#garbage = 'half-frame';
  }

  #parse(data: string, event: string): JsonObject | undefined {
    let value: unknown;
    try {
      value = JSON.parse(data);
    } catch {
      if (!isSignOfLife(data, event)) this.#reject('invalid-json');
      return undefined;
    }
    if (!isJsonObject(value)) {
      this.#reject('not-an-answer');
      return undefined;
    }
    const error = backendErrorOf(value);
    return error === undefined ? value : this.#fail(error);
  }

  #fail(error: BackendError): undefined {
    if (this.finished) this.#done = true;
    else this.#error = error;
  }

  #reject(reason: GarbageReason): '' {
    if (!this.finished) this.#garbage = reason;
    return '';
  }

  #learn(chunk: JsonObject): void {
    if (this.#head !== undefined && this.#head.id !== '') return;
    const { id, created } = chunk;
    this.#head = {
      id: typeof id === 'string' || typeof id === 'number' ? id : '',
      created: typeof created === 'number' ? created : this.options.createdSeconds,
      model: this.options.clientModel,
      ...this.#object(),
    };
  }

  #object(): Pick<ChunkHead, 'object'> {
    return this.options.object === undefined ? {} : { object: this.options.object };
  }

  #ownHead(): ChunkHead {
    const head = this.#head;
    if (head !== undefined && head.id !== '') return head;
    const { fallbackId, createdSeconds, clientModel } = this.options;
    return { id: fallbackId, created: head?.created ?? createdSeconds, model: clientModel, ...this.#object() };
  }

  #choice(choice: JsonObject): void {
    const index = indexOf(choice, this.options.choices);
    const bytes = this.#bytesOf(choice);
    if (bytes > 0) {
      this.#textBytes += bytes;
      this.#deltas += 1;
      this.#usageIsStale = true;
      if (this.#choices.isFinished(index)) this.#contentAfterFinish = true;
    }
    const reason = choice.finish_reason;
    if (typeof reason === 'string' && reason !== '') this.#choices.finish(index, reason);
  }

  /** Remembers the usage that a chunk carries. One maker puts it into a field of its own as well, or only there. */
  #takeUsage(chunk: JsonObject, data: string): boolean {
    const { usage } = chunk;
    if (usage !== undefined && usage !== null) {
      this.#rawUsage = usage;
      this.#usageSource = JsonDocument.of(data, chunk);
      this.#usageIsStale = false;
      return true;
    }
    const own = chunk.x_groq;
    if (isJsonObject(own) && isJsonObject(own.usage) && this.#rawUsage === undefined) {
      this.#rawUsage = own.usage;
      this.#usageSource = JsonDocument.of(data, chunk);
      this.#usageIsStale = false;
    }
    return false;
  }

  #reading(): UsageReading {
    const reading = readOpenAiUsage(this.#rawUsage);
    if (this.#usageIsStale) return inputOnly(reading);
    const member = this.#usageSource !== undefined && isUsageOf(this.#usageSource, this.#rawUsage) ? 'usage' : 'x_groq';
    const sure = unambiguous(reading, this.#usageSource, member);
    return plausible(sure, { textBytes: this.#textBytes, deltas: this.#deltas });
  }
}
