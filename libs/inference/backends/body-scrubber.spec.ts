import fc from 'fast-check';
import { BodyScrubber } from './body-scrubber';

const SECRET = 'sk-sk-upstream-SECRET-0123456789';

function scrubbed(chunks: readonly string[]): string {
  const scrubber = BodyScrubber.for(SECRET);
  if (scrubber === undefined) throw new Error('there is no scrubber');
  return [...chunks.map((chunk) => scrubber.push(Buffer.from(chunk))), scrubber.end()].map(String).join('');
}

describe('the credential in the bytes of an answer', () => {
  it('is blotted out, wherever the chunks are cut', () => {
    const body = `{"choices":[{"error":{"message":"sk-${SECRET}${SECRET.slice(0, 9)}"}}]}`;
    const wanted = body.replace(SECRET, '*'.repeat(SECRET.length));
    for (let first = 0; first <= body.length; first += 1)
      for (const second of [first, Math.min(first + 5, body.length), body.length])
        expect(scrubbed([body.slice(0, first), body.slice(first, second), body.slice(second)])).toBe(wanted);
  });

  it('is all that changes', () =>
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string(), fc.constantFrom('sk-', 'sk-sk-up', SECRET.slice(3)))), (chunks) => {
        fc.pre(!chunks.join('').includes(SECRET));
        expect(scrubbed(chunks)).toBe(chunks.map((chunk) => Buffer.from(chunk).toString()).join(''));
      }),
    ));

  it('that may be a word of the answer as well stays', () => {
    expect(BodyScrubber.for('ollama')).toBeUndefined();
    expect(BodyScrubber.for(undefined)).toBeUndefined();
  });
});
