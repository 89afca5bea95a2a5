const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf] as const;

/** The fields that mean something (WHATWG HTML §9.2.6); a comment is a line without a name. */
const FIELDS: ReadonlySet<string> = new Set(['', 'data', 'event', 'id', 'retry']);

/** Longer names are no field's: a page, or text. */
const NAME_BYTES_MAX = 64;

/** What is known of a body that should be a stream. */
export type OpeningVerdict =
  /** Every byte so far could begin a stream. */
  | 'open'
  | 'stream'
  /** No server of events begins like this. */
  | 'foreign';

/** Letters, digits, `-`, `_` and `.`: what names of fields are made of, and what neither pages nor JSON begin with. */
function isNameByte(byte: number): boolean {
  return (
    (byte >= 0x30 && byte <= 0x39) ||
    (byte >= 0x41 && byte <= 0x5a) ||
    (byte >= 0x61 && byte <= 0x7a) ||
    byte === 0x2d ||
    byte === 0x2e ||
    byte === 0x5f
  );
}

/**
 * Tells by its first lines whether a body is a stream of server-sent events. Labels do not: backends send streams under
 * wrong ones, and proxies send pages under right ones. A parser of events skips every line that it does not know, so
 * to it a page is a stream that says nothing. Fields of unknown names are legal, and decide nothing: the first line
 * that is none of them does, or the end of the body (`end`).
 */
export class StreamOpening {
  /** The name of the line at hand, as far as it has come. */
  #name = '';
  /** The rest of a line whose field has no meaning. */
  #isSkipping = false;
  #hasSkipped = false;
  /** Bytes of a byte order mark, or -1 once anything else has come. */
  #markBytes = 0;
  #verdict: OpeningVerdict = 'open';

  /** Judges by one more chunk, wherever the chunks are cut. */
  push(chunk: Uint8Array): OpeningVerdict {
    for (let i = 0; i < chunk.length && this.#verdict === 'open'; i += 1) this.#take(chunk[i] ?? LF);
    return this.#verdict;
  }

  /** Judges a body that has ended: lines that mean nothing, and nothing else, are no stream. */
  end(): OpeningVerdict {
    return this.#verdict === 'open' && (this.#hasSkipped || this.#name !== '') ? 'foreign' : this.#verdict;
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
    else if (byte === LF || byte === CR) this.#endLine();
    else if (this.#isSkipping) return;
    else if (byte === COLON) this.#endName();
    else if (isNameByte(byte) && this.#name.length < NAME_BYTES_MAX) this.#name += String.fromCharCode(byte);
    else this.#verdict = 'foreign';
  }

  #endName(): void {
    if (FIELDS.has(this.#name)) this.#verdict = 'stream';
    else this.#isSkipping = true;
  }

  #endLine(): void {
    // A field without a colon has an empty value; a blank line is no field.
    if (this.#name !== '' && FIELDS.has(this.#name)) this.#verdict = 'stream';
    this.#hasSkipped ||= this.#name !== '';
    this.#isSkipping = false;
    this.#name = '';
  }
}
