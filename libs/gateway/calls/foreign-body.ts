import { isJsonObject } from '#inference';
import type { UpstreamTrouble } from '#inference/backends';
import { backendErrorOf } from '#inference/openai';

type ForeignTrouble = Extract<UpstreamTrouble, { kind: 'garbage' | 'backend-error' }>;

const NOT_A_STREAM: ForeignTrouble = { kind: 'garbage', reason: 'not-a-stream' };

const OPENING_BRACE = 0x7b;
/** Tab, line feed, carriage return and space: what may stand before a JSON value (RFC 8259 §2). */
const BLANKS: readonly number[] = [0x09, 0x0a, 0x0d, 0x20];

/**
 * What came in place of a stream. Some backends answer 200 with an error's JSON, and some with their whole answer; of
 * anything else no more needs to be read.
 */
export class ForeignBody {
  private readonly chunks: Uint8Array[] = [];
  private bytes = 0;
  /** Whether the first byte that is not blank opens an object; undefined while none has come. */
  private isObject: boolean | undefined;

  /** @param bytesMax of which no more is read. */
  constructor(private readonly bytesMax: number) {}

  /** Answers whether more of it is worth reading. */
  push(chunk: Uint8Array): boolean {
    this.chunks.push(chunk);
    this.bytes += chunk.length;
    const first = chunk.find((byte) => !BLANKS.includes(byte));
    if (first !== undefined) this.isObject ??= first === OPENING_BRACE;
    return this.bytes <= this.bytesMax && this.isObject !== false;
  }

  trouble(): ForeignTrouble {
    const value = this.parsed();
    const error = isJsonObject(value) ? backendErrorOf(value) : undefined;
    return error === undefined ? NOT_A_STREAM : { kind: 'backend-error', error };
  }

  /** All of it, where it may be an answer. */
  whole(): Uint8Array | undefined {
    return this.isObject === true && this.bytes <= this.bytesMax ? Buffer.concat(this.chunks) : undefined;
  }

  private parsed(): unknown {
    try {
      return JSON.parse(Buffer.from(this.whole() ?? []).toString('utf8'));
    } catch {
      return undefined; // A page, or the beginning of something large.
    }
  }
}
