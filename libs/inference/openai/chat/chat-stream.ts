import type { NanoUsd, TokenUsage } from '#kernel';
import { SseParser } from '../../streaming/sse-parser';
import type { ChatStreamOutcome } from './outcome';
import { type ChatStreamOptions, ChatStreamRelay } from './stream-relay';

/**
 * A chat stream from bytes to what the client gets: the SSE parser and the relay as one. Feed each chunk of the body to
 * `push` and write what it answers; then `end` once, settle, and write `usage` if asked for, and DONE_FRAME.
 */
export class ChatStream {
  readonly #parser: SseParser;
  readonly #relay: ChatStreamRelay;
  #text = '';
  #outcome: ChatStreamOutcome | undefined;
  readonly #onFrame = (data: string, event: string): void => {
    this.#text += this.#relay.accept(data, event);
  };

  constructor(options: ChatStreamOptions, frameBytesMax?: number) {
    this.#parser = new SseParser(frameBytesMax);
    this.#relay = new ChatStreamRelay(options);
  }

  /** See ChatStreamRelay. */
  get begun(): boolean {
    return this.#relay.begun;
  }

  get finished(): boolean {
    return this.#relay.finished;
  }

  get ended(): boolean {
    return this.#relay.ended;
  }

  /** Answers the frames for the client that the chunk completed, as one text; often one frame, sometimes ''. */
  push(chunk: Uint8Array): string {
    this.#text = '';
    if (!this.#parser.push(chunk, this.#onFrame)) this.#relay.reject('frame-too-large');
    return this.#text;
  }

  /**
   * Judges the stream when no more bytes come. `wasClean`: the body ended by itself, so that whatever the parser has
   * left is the backend's doing. Repeated calls answer the same.
   */
  end(wasClean: boolean): ChatStreamOutcome {
    this.#outcome ??= this.#relay.end(wasClean ? this.#parser.end() : undefined);
    return this.#outcome;
  }

  usage(charged: TokenUsage, cost: NanoUsd): string {
    return this.#relay.usage(charged, cost);
  }
}
