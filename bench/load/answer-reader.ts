/** What one HTTP answer turned out to be. */
export interface Answer {
  readonly status: number;
  readonly bodyBytes: number;
  /** Whether the body had the mark of a complete answer: `[DONE]` for a stream. */
  readonly isWhole: boolean;
}

const HEAD_END = Buffer.from('\r\n\r\n');
const LAST_CHUNK = Buffer.from('0\r\n\r\n');
const DONE = Buffer.from('data: [DONE]');
const HEAD_BYTES_MAX = 64 * 1_024;
const TAIL_BYTES = 64;

type Framing = { readonly kind: 'length'; readonly bytes: number } | { readonly kind: 'chunked' };

/**
 * Reads HTTP/1.1 answers off a kept-alive connection with as little work as possible, so that the load generator takes
 * little of the processor that it shares with what it measures. It knows the two framings that the targets use.
 */
export class AnswerReader {
  #head: Buffer | undefined;
  #status = 0;
  #framing: Framing | undefined;
  #bytes = 0;
  /** The end of what has come, since a mark may be cut in two. */
  #tail: Buffer = Buffer.alloc(0);

  /** @returns the answer that this piece completes. @throws Error on what is no HTTP answer. */
  push(piece: Buffer): Answer | undefined {
    if (this.#framing !== undefined) return this.#body(piece);
    const all = this.#head === undefined ? piece : Buffer.concat([this.#head, piece]);
    const end = all.indexOf(HEAD_END);
    if (end < 0) {
      if (all.length > HEAD_BYTES_MAX) throw new Error('the head of an answer does not end');
      this.#head = all;
      return undefined;
    }
    this.#head = undefined;
    this.#start(all.toString('latin1', 0, end));
    return this.#body(all.subarray(end + HEAD_END.length));
  }

  #start(head: string): void {
    this.#status = Number(head.slice(9, 12));
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (length !== undefined) this.#framing = { kind: 'length', bytes: Number(length) };
    else if (/\r\ntransfer-encoding: *chunked/i.test(head)) this.#framing = { kind: 'chunked' };
    else throw new Error(`an answer without a length: ${head.slice(0, 100)}`);
    this.#bytes = 0;
    this.#tail = Buffer.alloc(0);
  }

  #body(piece: Buffer): Answer | undefined {
    this.#bytes += piece.length;
    const { length } = piece;
    this.#tail =
      length >= TAIL_BYTES
        ? piece.subarray(length - TAIL_BYTES)
        : Buffer.concat([this.#tail, piece]).subarray(-TAIL_BYTES);
    if (this.#framing?.kind === 'length') {
      if (this.#bytes < this.#framing.bytes) return undefined;
      return this.#end(true);
    }
    if (!this.#tail.subarray(-LAST_CHUNK.length).equals(LAST_CHUNK)) return undefined;
    return this.#end(this.#tail.includes(DONE));
  }

  #end(isWhole: boolean): Answer {
    this.#framing = undefined;
    return { status: this.#status, bodyBytes: this.#bytes, isWhole };
  }
}
