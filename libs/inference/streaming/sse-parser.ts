const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const SPACE = 0x20;
/** "data:" */
const DATA_FIELD = [0x64, 0x61, 0x74, 0x61, COLON] as const;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf] as const;

/** The largest frame that a parser takes unless told otherwise. */
export const FRAME_BYTES_MAX_DEFAULT = 4 * 1024 * 1024;

/**
 * Receives each complete frame that says anything: its data lines joined by LF, and its `event` field ('' when it has
 * none). Frames whose data is blank are signs of life, and no dialect gives them a meaning.
 */
export type OnFrame = (data: string, event: string) => void;

/** What the end of the stream left unfinished: `data` so far, which may be the beginning of anything. */
export interface SseRemainder {
  readonly data: string;
  readonly event: string;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function startsWith(line: Buffer, from: number, to: number, prefix: readonly number[]): boolean {
  if (to - from < prefix.length) return false;
  for (let i = 0; i < prefix.length; i += 1) if (line[from + i] !== prefix[i]) return false;
  return true;
}

/**
 * An incremental parser of server-sent events (WHATWG HTML §9.2.6) over bytes cut anywhere. It looks for line ends in
 * the bytes and decodes whole lines, so a character split between chunks needs no care. Comments, `id`, `retry` and
 * fields of any other name are skipped: no dialect that we read gives them a meaning.
 */
export class SseParser {
  /** The line that the last chunk left open, in pieces: joined once, so that many small chunks cost no more. */
  #pieces: Buffer[] = [];
  #pieceBytes = 0;
  #afterCr = false;
  #firstLine = true;
  #data: string | undefined;
  #event = '';
  #frameBytes = 0;
  #tooLarge = false;

  /** @param frameBytesMax counts the lines of one frame, field names included, line ends excluded. */
  constructor(private readonly frameBytesMax: number = FRAME_BYTES_MAX_DEFAULT) {}

  /** Reads one chunk. Answers false once a frame exceeded the limit: the rest of the stream cannot be read. */
  push(chunk: Uint8Array, onFrame: OnFrame): boolean {
    const bytes = asBuffer(chunk);
    let from = 0;
    // A CRLF split between chunks is one line end.
    if (this.#afterCr && bytes.length > 0) {
      if (bytes[0] === LF) from = 1;
      this.#afterCr = false;
    }
    const hasCr = bytes.includes(CR, from);
    while (!this.#tooLarge) {
      const to = hasCr ? nextLineEnd(bytes, from) : bytes.indexOf(LF, from);
      if (to === -1) break;
      this.#endLine(bytes, from, to, onFrame);
      from = to + 1;
      if (hasCr && bytes[to] === CR) {
        if (from === bytes.length) this.#afterCr = true;
        else if (bytes[from] === LF) from += 1;
      }
    }
    if (from < bytes.length) this.#keep(bytes.subarray(from));
    return !this.#tooLarge;
  }

  /** The stream has ended. Answers what it left unfinished, or undefined after a clean end. */
  end(): SseRemainder | undefined {
    if (this.#pieces.length > 0) {
      const line = this.#takeLine(Buffer.alloc(0), 0, 0);
      this.#field(line, 0, line.length);
      if (this.#data === undefined && isBeginningOfData(line)) return { data: '', event: this.#event };
    }
    return this.#data === undefined || isBlank(this.#data) ? undefined : { data: this.#data, event: this.#event };
  }

  #keep(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#pieceBytes += piece.length;
    this.#checkSize(this.#pieceBytes);
  }

  #checkSize(lineBytes: number): void {
    if (this.#frameBytes + lineBytes > this.frameBytesMax) this.#tooLarge = true;
  }

  #takeLine(bytes: Buffer, from: number, to: number): Buffer {
    const line = Buffer.concat([...this.#pieces, bytes.subarray(from, to)]);
    this.#pieces = [];
    this.#pieceBytes = 0;
    return line;
  }

  #endLine(bytes: Buffer, from: number, to: number, onFrame: OnFrame): void {
    if (this.#pieces.length > 0) {
      const line = this.#takeLine(bytes, from, to);
      this.#line(line, 0, line.length, onFrame);
    } else {
      this.#line(bytes, from, to, onFrame);
    }
  }

  #line(bytes: Buffer, from: number, to: number, onFrame: OnFrame): void {
    let start = from;
    if (this.#firstLine) {
      this.#firstLine = false;
      if (startsWith(bytes, from, to, BYTE_ORDER_MARK)) start += BYTE_ORDER_MARK.length;
    }
    if (start === to) {
      this.#dispatch(onFrame);
      return;
    }
    this.#checkSize(to - from);
    if (!this.#tooLarge) this.#field(bytes, start, to);
  }

  #field(bytes: Buffer, from: number, to: number): void {
    if (startsWith(bytes, from, to, DATA_FIELD)) {
      const start = from + DATA_FIELD.length;
      this.#addData(bytes.toString('utf8', bytes[start] === SPACE && start < to ? start + 1 : start, to), to - from);
      return;
    }
    const line = bytes.toString('utf8', from, to);
    if (line === 'data') this.#addData('', to - from);
    else if (line.startsWith('event:')) this.#event = line.slice(line[6] === ' ' ? 7 : 6);
    else if (line === 'event') this.#event = '';
  }

  #addData(text: string, lineBytes: number): void {
    this.#data = this.#data === undefined ? text : `${this.#data}\n${text}`;
    this.#frameBytes += lineBytes;
  }

  #dispatch(onFrame: OnFrame): void {
    const data = this.#data;
    const event = this.#event;
    this.#data = undefined;
    this.#event = '';
    this.#frameBytes = 0;
    if (data !== undefined && !isBlank(data)) onFrame(data, event);
  }
}

function isBlank(text: string): boolean {
  return !/\S/.test(text);
}

/** Whether a line that was cut may have been about to say something. */
function isBeginningOfData(line: Buffer): boolean {
  return line.length < DATA_FIELD.length && line.every((byte, i) => byte === DATA_FIELD[i]);
}

function nextLineEnd(bytes: Buffer, from: number): number {
  for (let i = from; i < bytes.length; i += 1) if (bytes[i] === LF || bytes[i] === CR) return i;
  return -1;
}
