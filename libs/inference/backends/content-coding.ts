import type { Duplex } from 'node:stream';
import zlib, { constants } from 'node:zlib';

/** What a header `content-encoding` asks of whoever reads the body. */
export type ContentCoding =
  | { readonly kind: 'identity' }
  /** In the order in which they were applied (RFC 9110 §8.4). */
  | { readonly kind: 'coded'; readonly codings: readonly Coding[] }
  | { readonly kind: 'unknown' };

type Coding = 'gzip' | 'deflate' | 'br' | 'zstd';

/** Nobody codes a body more often for a good reason. */
const CODINGS_MAX = 3;

/** What one coded answer may become; far more than any stream, and than what an unstreamed answer is kept of. */
export const DECODED_BYTES_MAX = 256 * 1024 * 1024;

/** What there was of a body that was cut off is still worth reading. */
const ZLIB = { flush: constants.Z_SYNC_FLUSH, finishFlush: constants.Z_SYNC_FLUSH } as const;
const BROTLI = { flush: constants.BROTLI_OPERATION_FLUSH, finishFlush: constants.BROTLI_OPERATION_FLUSH } as const;

/** Younger versions of Node know it. */
function zstdDecoder(): (() => Duplex) | undefined {
  const make: unknown = Reflect.get(zlib, 'createZstdDecompress');
  return typeof make === 'function' ? () => make.call(zlib) as Duplex : undefined;
}

const ZSTD = zstdDecoder();

function codingOf(name: string): Coding | 'identity' | undefined {
  switch (name) {
    case '':
    case 'identity':
      return 'identity';
    case 'gzip':
    case 'x-gzip':
      return 'gzip';
    case 'deflate':
    case 'br':
      return name;
    case 'zstd':
      return ZSTD === undefined ? undefined : 'zstd';
    default:
      return undefined;
  }
}

/** Reads the header of an answer: identity was asked for, and not everybody listens. */
export function contentCodingOf(header: string | readonly string[] | undefined): ContentCoding {
  if (header === undefined) return { kind: 'identity' };
  const codings: Coding[] = [];
  for (const name of [header].flat().join(',').split(',')) {
    const coding = codingOf(name.trim().toLowerCase());
    if (coding === undefined) return { kind: 'unknown' };
    if (coding !== 'identity') codings.push(coding);
  }
  if (codings.length > CODINGS_MAX) return { kind: 'unknown' };
  return codings.length === 0 ? { kind: 'identity' } : { kind: 'coded', codings };
}

/** `deflate` means the zlib format, whose first byte says so (RFC 1950 §2.2); some servers send the raw one. */
function isZlib(firstByte: number | undefined): boolean {
  return firstByte === undefined || (firstByte & 0x0f) === 8;
}

function decoderOf(coding: Coding, firstByte: number | undefined): Duplex {
  switch (coding) {
    case 'gzip':
      return zlib.createGunzip(ZLIB);
    case 'deflate':
      return isZlib(firstByte) ? zlib.createInflate(ZLIB) : zlib.createInflateRaw(ZLIB);
    case 'br':
      return zlib.createBrotliDecompress(BROTLI);
    case 'zstd':
      if (ZSTD === undefined) throw new Error('a coding that was not announced as known');
      return ZSTD();
  }
}

/** Hears what a decoder makes of a body. After `onEnd` or `onBroken` nothing more is called. */
export interface DecodedSink {
  onData(chunk: Buffer): void;
  onEnd(): void;
  onBroken(reason: 'broken-encoding' | 'answer-too-large'): void;
  /** There is room for more after `write` had answered false. */
  onDrain(): void;
}

/**
 * Takes the codings off a body, piece by piece and no faster than its reader: a small body that would become a huge one
 * waits inside the decoder, and ends at a limit.
 */
export class BodyDecoder {
  #entry: Duplex | undefined;
  #exit: Duplex | undefined;
  #layers: Duplex[] = [];
  #decodedBytes = 0;
  #isOver = false;
  #isPaused = false;

  constructor(
    private readonly codings: readonly Coding[],
    private readonly sink: DecodedSink,
    private readonly decodedBytesMax = DECODED_BYTES_MAX,
  ) {}

  /** Answers false when no more should come before `onDrain`. */
  write(chunk: Buffer): boolean {
    if (this.#isOver) return true;
    this.#entry ??= this.#build(chunk[0]);
    return this.#entry.write(chunk);
  }

  /** The coded body has ended, or has broken off: what is left is decoded. */
  end(): void {
    if (this.#isOver) return;
    if (this.#entry === undefined) this.#finish(() => this.sink.onEnd());
    else this.#entry.end();
  }

  pause(): void {
    this.#isPaused = true;
    this.#exit?.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#exit?.resume();
  }

  destroy(): void {
    this.#isOver = true;
    for (const layer of this.#layers) layer.destroy();
  }

  #build(firstByte: number | undefined): Duplex {
    // The last that was put on is the first to be taken off.
    const [first, ...rest] = [...this.codings].reverse();
    if (first === undefined) throw new Error('a body without codings needs no decoder');
    const entry = decoderOf(first, firstByte);
    let exit = entry;
    this.#layers = [entry];
    for (const coding of rest) {
      exit = exit.pipe(decoderOf(coding, undefined));
      this.#layers.push(exit);
    }
    for (const layer of this.#layers) layer.on('error', () => this.#break('broken-encoding'));
    entry.on('drain', () => this.sink.onDrain());
    exit.on('data', (chunk: Buffer) => this.#take(chunk));
    exit.on('end', () => this.#finish(() => this.sink.onEnd()));
    if (this.#isPaused) exit.pause();
    this.#exit = exit;
    return entry;
  }

  #take(chunk: Buffer): void {
    if (this.#isOver) return;
    this.#decodedBytes += chunk.length;
    if (this.#decodedBytes > this.decodedBytesMax) this.#break('answer-too-large');
    else this.sink.onData(chunk);
  }

  #break(reason: Parameters<DecodedSink['onBroken']>[0]): void {
    this.#finish(() => this.sink.onBroken(reason));
  }

  #finish(tell: () => void): void {
    if (this.#isOver) return;
    this.destroy();
    tell();
  }
}
