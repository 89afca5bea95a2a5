import { foreignText, type NanoUsd, type TokenUsage } from '#kernel';
import type { BackendError, GarbageReason } from '../backends/trouble';
import { isJsonObject, JsonDocument, type JsonObject } from '../json';
import type { SeenOutput, UsageReading } from '../metering/facts';
import { failedFinish } from '../metering/failed-finish';
import { plausible } from '../metering/usage';
import type { NeutralOutcome } from '../neutral';
import { backendErrorOf, backendErrorOfFrame } from '../openai/chat/backend-error';
import { isDone, isSignOfLife } from '../streaming/signs-of-life';
import { SseParser } from '../streaming/sse-parser';
import { STOP_REASON_BYTES_MAX } from './answer';
import { eventFrame, MESSAGE_STOP_FRAME, PING_FRAME } from './frames';
import { blockBytes, isReasoning } from './seen';
import { anthropicUsage, anthropicUsageWithCost, readAnthropicUsage, readStartedInput } from './usage';

export interface MessagesStreamOptions {
  /** Written into the message in place of the backend's name of the model. */
  readonly clientModel: string;
  /** Is told of every event that is understood, for those who do not pass it on as it is. */
  readonly onEvent?: (event: JsonObject, data: string) => void;
}

function withoutNulls(object: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null && value !== undefined));
}

/**
 * Passes the events of one message on to its client and learns from them what the call cost and how it ended. The
 * events `message_delta`, which carries the usage, and `message_stop` are held back: after the settlement is durable
 * the caller writes `closing`. A message that has its stop reason stays finished, whatever odd frames follow.
 */
export class MessagesStream {
  readonly #parser = new SseParser();
  #text = '';
  #begun = false;
  #done = false;
  #garbage: GarbageReason | undefined;
  #error: BackendError | undefined;
  /** Counts in `message_delta` are cumulative and stand for those of `message_start`. */
  #usage: JsonObject = {};
  #usageIsFinal = false;
  #delta: JsonObject | undefined;
  /** The last `message_delta`, and the text that it came as. */
  #held: { readonly event: JsonObject; readonly source: JsonDocument } | undefined;
  /** A count could be read in two ways. */
  #usageIsAmbiguous = false;
  #textBytes = 0;
  #deltas = 0;
  #hasReasoned = false;
  #outcome: NeutralOutcome | undefined;
  readonly #onFrame = (data: string, event: string): void => {
    if (!this.ended) this.#text += this.#accept(data, event);
  };

  constructor(private readonly options: MessagesStreamOptions) {}

  /** The stop reason is known; only the end of the message is still to come. */
  get finished(): boolean {
    return typeof this.#delta?.stop_reason === 'string';
  }

  get ended(): boolean {
    return this.#done || this.#garbage !== undefined || this.#error !== undefined;
  }

  /** Answers the frames for the client that the chunk completed, as one text. */
  push(chunk: Uint8Array): string {
    this.#text = '';
    if (!this.#parser.push(chunk, this.#onFrame) && !this.ended) {
      if (this.finished) this.#done = true;
      else this.#garbage = 'frame-too-large';
    }
    return this.#text;
  }

  /** Judges the stream when no more bytes come. Repeated calls answer the same. */
  end(wasClean: boolean): NeutralOutcome {
    if (this.#outcome === undefined && wasClean && !this.ended) {
      const remainder = this.#parser.end();
      if (remainder !== undefined) this.#accept(remainder.data, remainder.event);
      if (remainder !== undefined && this.#garbage !== undefined) this.#garbage = 'half-frame';
    }
    this.#outcome ??= this.#judge();
    return this.#outcome;
  }

  closing(charged: TokenUsage, cost: NanoUsd): string {
    const isReported = this.#reading().kind === 'reported';
    const usage = anthropicUsageWithCost(isReported ? this.#usage : anthropicUsage(charged), cost);
    const delta = this.#delta ?? { stop_reason: 'end_turn', stop_sequence: null };
    return (
      eventFrame({ ...this.#held?.event, type: 'message_delta', delta, usage }, this.#held?.source) + MESSAGE_STOP_FRAME
    );
  }

  #judge(): NeutralOutcome {
    const metered = { usage: this.#reading(), seen: this.#seen() };
    if (this.#error !== undefined) return { kind: 'backend-error', error: this.#error, ...metered };
    if (this.#garbage !== undefined) return { kind: 'garbage', reason: this.#garbage, ...metered };
    if (this.#done && !this.#begun) return { kind: 'garbage', reason: 'empty-answer', ...metered };
    if (!this.#done && !this.finished) return { kind: 'cut', ...metered };
    const reason = this.#delta?.stop_reason;
    const failure = failedFinish([reason], metered.usage, metered.seen);
    if (failure !== undefined) return { ...failure, ...metered };
    const finishReason = typeof reason === 'string' ? foreignText(reason, STOP_REASON_BYTES_MAX) : undefined;
    return { kind: 'complete', ...(finishReason === undefined ? {} : { finishReason }), ...metered };
  }

  /** What `message_start` counts is not yet the whole, but for the input. */
  #reading(): UsageReading {
    if (!this.#usageIsFinal) {
      const input = readStartedInput(this.#usage);
      return { kind: 'absent', ...(input === undefined ? {} : { input }) };
    }
    if (this.#usageIsAmbiguous) return { kind: 'absurd', reason: 'usage can be read in two ways' };
    return plausible(readAnthropicUsage(this.#usage), this.#seen());
  }

  #seen(): SeenOutput {
    const seen = { textBytes: this.#textBytes, deltas: this.#deltas };
    return this.#hasReasoned ? { ...seen, isPartial: true } : seen;
  }

  #accept(data: string, name: string): string {
    // Of another dialect's end, a stop reason makes one.
    if (isDone(data)) {
      this.#done = this.finished;
      return '';
    }
    const event = this.#parse(data, name);
    if (event === undefined) return '';
    const text = this.#take(event, data);
    if (this.#garbage === undefined) this.options.onEvent?.(event, data);
    return text;
  }

  #parse(data: string, name: string): (JsonObject & { readonly type: string }) | undefined {
    let value: unknown;
    try {
      value = JSON.parse(data);
    } catch {
      if (name === 'error') this.#fail(backendErrorOfFrame(data));
      else if (!isSignOfLife(data, name)) this.#reject('invalid-json');
      return undefined;
    }
    if (!isJsonObject(value)) return this.#reject('not-an-answer');
    // The name of the event says the same as the type in its data, where a server leaves that out.
    const type = typeof value.type === 'string' ? value.type : name;
    if (type === '') return this.#reject('not-an-answer');
    if (type === 'error') return this.#fail(backendErrorOf(value) ?? backendErrorOfFrame(data));
    return { ...value, type };
  }

  #fail(error: BackendError): undefined {
    if (this.finished) this.#done = true;
    else this.#error = error;
  }

  #reject(reason: GarbageReason): undefined {
    if (!this.finished) this.#garbage = reason;
  }

  #take(event: JsonObject & { readonly type: string }, data: string): string {
    switch (event.type) {
      case 'message_start':
        return this.#start(event, data);
      case 'message_delta':
        return this.#hold(event, data);
      case 'message_stop':
        this.#done = true;
        return '';
      case 'ping':
        // A sign of life before the answer has begun would commit the status to 200.
        return this.#begun ? PING_FRAME : '';
      default:
        return this.#pass(event, data);
    }
  }

  #start(event: JsonObject, data: string): string {
    const { message } = event;
    if (!isJsonObject(message)) {
      this.#reject('not-an-answer');
      return '';
    }
    this.#begun = true;
    const source = JsonDocument.of(data, event);
    if (isJsonObject(message.usage)) {
      this.#usage = message.usage;
      this.#usageIsAmbiguous ||= source.isAmbiguous('message');
    }
    const named = { ...message, model: this.options.clientModel };
    return eventFrame({ ...event, type: 'message_start', message: named }, source);
  }

  #hold(event: JsonObject, data: string): '' {
    const source = JsonDocument.of(data, event);
    this.#held = { event, source };
    if (isJsonObject(event.usage)) {
      this.#usage = { ...this.#usage, ...withoutNulls(event.usage) };
      this.#usageIsAmbiguous ||= source.isAmbiguous('usage');
      // Without its own count of the output there is only that of the beginning, when hardly any had come.
      this.#usageIsFinal ||= event.usage.output_tokens !== undefined && event.usage.output_tokens !== null;
    }
    if (isJsonObject(event.delta)) this.#delta = { ...this.#delta, ...event.delta };
    return '';
  }

  #pass(event: JsonObject & { readonly type: string }, data: string): string {
    if (!this.#begun) {
      this.#reject('not-an-answer');
      return '';
    }
    if (isReasoning(event.content_block)) this.#hasReasoned = true;
    const bytes = blockBytes(event.type === 'content_block_start' ? event.content_block : event.delta);
    if (bytes > 0) {
      this.#textBytes += bytes;
      this.#deltas += 1;
    }
    // Line breaks cannot be sent as they are, and a type that only the event's name had is written where clients look.
    const isAsSent = !data.includes('\n') && /^\s*\{\s*"type"/.test(data);
    return isAsSent
      ? `event: ${event.type}\ndata: ${data}\n\n`
      : eventFrame({ ...event }, JsonDocument.of(data, event));
  }
}
