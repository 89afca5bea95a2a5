import type { JsonObject } from '../../json';
import { hashOf } from './echo';
import { countSimulatedTokens } from './tokens';

const DIMENSIONS_DEFAULT = 8;
const DIMENSIONS_MAX = 4_096;

/** A unit vector that depends on nothing but the text; every number is exact in 32 bits. */
export function simulatedVector(text: string, dimensions: number): Float32Array {
  const vector = new Float32Array(dimensions);
  let state = hashOf(text);
  let square = 0;
  for (let i = 0; i < dimensions; i += 1) {
    // A linear congruential generator (Numerical Recipes), scaled to [-1, 1).
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const value = state / 2 ** 31 - 1;
    vector[i] = value;
    square += value * value;
  }
  const length = Math.sqrt(square) || 1;
  return vector.map((value) => value / length);
}

/** Inputs and prompts in all their forms; tokens are read as the numbers they are. */
export function textsOf(input: unknown): string[] {
  if (typeof input === 'string') return [input];
  if (!Array.isArray(input)) return [''];
  if (input.every((item) => typeof item === 'number')) return [input.join(' ')];
  return input.map((item) => (typeof item === 'string' ? item : JSON.stringify(item)));
}

function dimensionsOf(body: JsonObject): number {
  const wanted = body.dimensions;
  return typeof wanted === 'number' && Number.isInteger(wanted) && wanted > 0 && wanted <= DIMENSIONS_MAX
    ? wanted
    : DIMENSIONS_DEFAULT;
}

function encoded(vector: Float32Array, format: unknown): number[] | string {
  if (format !== 'base64') return [...vector];
  const bytes = Buffer.alloc(vector.length * 4);
  vector.forEach((value, i) => {
    bytes.writeFloatLE(value, i * 4);
  });
  return bytes.toString('base64');
}

/** The body of an embeddings answer, in floats or base64 as asked for. */
export function embeddingBody(model: string, body: JsonObject, reportsUsage: boolean): string {
  const texts = textsOf(body.input);
  const dimensions = dimensionsOf(body);
  const tokens = texts.reduce((sum, text) => sum + countSimulatedTokens(text), 0);
  return JSON.stringify({
    object: 'list',
    data: texts.map((text, index) => ({
      object: 'embedding',
      index,
      embedding: encoded(simulatedVector(text, dimensions), body.encoding_format),
    })),
    model,
    ...(reportsUsage ? { usage: { prompt_tokens: tokens, total_tokens: tokens } } : {}),
  });
}
