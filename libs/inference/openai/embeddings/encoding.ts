import type { EmbeddingFormat } from './parse-request';

const FLOAT_BYTES = 4;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** Packs numbers as 32-bit floats, little-endian, in base64: what OpenAI's clients decode. */
export function encodeFloats(vector: readonly number[]): string {
  const bytes = Buffer.allocUnsafe(vector.length * FLOAT_BYTES);
  for (let i = 0; i < vector.length; i += 1) bytes.writeFloatLE(vector[i] ?? 0, i * FLOAT_BYTES);
  return bytes.toString('base64');
}

/** The numbers of a packed vector; undefined when the text is no base64 of whole 32-bit floats. */
export function decodeFloats(text: string): number[] | undefined {
  if (!BASE64.test(text)) return undefined;
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length % FLOAT_BYTES !== 0) return undefined;
  const vector = new Array<number>(bytes.length / FLOAT_BYTES);
  for (let i = 0; i < vector.length; i += 1) vector[i] = bytes.readFloatLE(i * FLOAT_BYTES);
  return vector.every(Number.isFinite) ? vector : undefined;
}

function isVector(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'number');
}

/**
 * A backend's embedding in the form that the client reads: two of the SDKs ask for base64 unasked, and read floats in
 * its place as zeros. Undefined when it is no embedding.
 */
export function embeddingIn(format: EmbeddingFormat, embedding: unknown): string | readonly number[] | undefined {
  if (typeof embedding === 'string') {
    const vector = decodeFloats(embedding);
    return format === 'base64' && vector !== undefined ? embedding : vector;
  }
  if (!isVector(embedding)) return undefined;
  return format === 'base64' ? encodeFloats(embedding) : embedding;
}
