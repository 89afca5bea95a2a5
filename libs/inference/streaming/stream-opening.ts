const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf] as const;

function bytesOf(text: string): readonly number[] {
  return [...Buffer.from(text)];
}

/** How a line of server-sent events may begin (WHATWG HTML §9.2.6); a comment is a line without a name. */
const FIELDS = ['', 'data', 'event', 'id', 'retry'].map(bytesOf);

/** What is known of a body that should be a stream. */
export type OpeningVerdict =
  /** Every byte so far could begin a stream. */
  | 'open'
  | 'stream'
  /** No server of events begins like this. */
  | 'foreign';

function couldBegin(seen: readonly number[], field: readonly number[]): boolean {
  return seen.length <= field.length && seen.every((byte, i) => byte === field[i]);
}

function isField(seen: readonly number[]): boolean {
  return FIELDS.some((field) => field.length === seen.length && couldBegin(seen, field));
}

/**
 * Tells by its first line whether a body is a stream of server-sent events. Labels do not: backends send streams under
 * wrong ones, and proxies send pages under right ones. A parser of events skips every line that it does not know, so
 * to it a page is a stream that says nothing.
 */
export class StreamOpening {
  /** The name of the first line that is not blank, as far as it has come; never longer than the longest field. */
  #seen: number[] = [];
  /** Bytes of a byte order mark, or -1 once anything else has come. */
  #markBytes = 0;
  #verdict: OpeningVerdict = 'open';

  /** Judges by one more chunk, wherever the chunks are cut. */
  push(chunk: Uint8Array): OpeningVerdict {
    for (let i = 0; i < chunk.length && this.#verdict === 'open'; i += 1) this.#take(chunk[i] ?? LF);
    return this.#verdict;
  }

  #take(byte: number): void {
    if (this.#markBytes >= 0 && byte === BYTE_ORDER_MARK[this.#markBytes]) {
      this.#markBytes += 1;
      return;
    }
    // Half a mark is no text.
    const isBroken = this.#markBytes > 0 && this.#markBytes < BYTE_ORDER_MARK.length;
    this.#markBytes = -1;
    if (isBroken) this.#verdict = 'foreign';
    else if (byte === COLON) this.#verdict = isField(this.#seen) ? 'stream' : 'foreign';
    else if (byte === LF || byte === CR) this.#endLine();
    else {
      this.#seen.push(byte);
      if (!FIELDS.some((field) => couldBegin(this.#seen, field))) this.#verdict = 'foreign';
    }
  }

  #endLine(): void {
    if (this.#seen.length > 0) this.#verdict = isField(this.#seen) ? 'stream' : 'foreign';
  }
}
