/** Shorter ones, as local servers are content with, may be words of an answer. */
const SECRET_BYTES_MIN = 16;
const ASTERISK = 0x2a;

/**
 * Blots the credential out of the bytes of an answer, wherever its backend has put it: as many asterisks, so that nothing
 * else moves. Bytes that may be the beginning of it wait for the next chunk.
 */
export class BodyScrubber {
  readonly #secret: Buffer;
  #held: Buffer = Buffer.alloc(0);

  private constructor(secret: string) {
    this.#secret = Buffer.from(secret);
  }

  /** Undefined where there is no secret that could not be a word of the answer as well. */
  static for(secret: string | undefined): BodyScrubber | undefined {
    return secret === undefined || Buffer.byteLength(secret) < SECRET_BYTES_MIN ? undefined : new BodyScrubber(secret);
  }

  push(chunk: Buffer): Buffer {
    const joined = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const clean = this.#blotted(joined);
    const end = clean.length - this.#beginningAtEndOf(clean);
    this.#held = clean.subarray(end);
    return clean.subarray(0, end);
  }

  /** What was held back at the end. */
  end(): Buffer {
    const held = this.#held;
    this.#held = Buffer.alloc(0);
    return held;
  }

  #blotted(bytes: Buffer): Buffer {
    const secret = this.#secret;
    let at = bytes.indexOf(secret);
    if (at < 0) return bytes;
    const clean = Buffer.from(bytes);
    for (; at >= 0; at = clean.indexOf(secret, at)) clean.fill(ASTERISK, at, at + secret.length);
    return clean;
  }

  /** How many of the last bytes could be the first of the secret. */
  #beginningAtEndOf(bytes: Buffer): number {
    const secret = this.#secret;
    const first = secret[0] ?? 0;
    let at = bytes.indexOf(first, Math.max(0, bytes.length - secret.length + 1));
    for (; at >= 0; at = bytes.indexOf(first, at + 1))
      if (bytes.subarray(at).equals(secret.subarray(0, bytes.length - at))) return bytes.length - at;
    return 0;
  }
}
