import fc from 'fast-check';
import { FOREIGN_TEXT_BYTES_MAX, foreignText } from './foreign-text';

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 400 }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 400 }).map((units) => String.fromCharCode(...units)),
);

describe('a foreign text', () => {
  it('stays as it is when it is short and well-formed', () => {
    expect(foreignText('naïve 😀')).toBe('naïve 😀');
    expect(foreignText('')).toBe('');
    expect(foreignText('x'.repeat(FOREIGN_TEXT_BYTES_MAX))).toBe('x'.repeat(FOREIGN_TEXT_BYTES_MAX));
  });

  it('is cut between characters, never within one, and says so', () => {
    expect(foreignText('x'.repeat(300))).toBe(`${'x'.repeat(253)}…`);
    expect(foreignText('😀😀😀', 11)).toBe('😀😀…');
    expect(foreignText('😀😀😀', 10)).toBe('😀…');
  });

  it('has its lone surrogates replaced', () => {
    expect(foreignText('a\ud800b')).toBe('a\ufffdb');
    expect(foreignText('\udc00\ud800')).toBe('\ufffd\ufffd');
  });

  it('always fits into an event, whatever came', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 3, max: 300 }), (text, bytesMax) => {
        const kept = foreignText(text, bytesMax);
        expect(Buffer.byteLength(kept)).toBeLessThanOrEqual(bytesMax);
        expect(kept.isWellFormed()).toBe(true);
        const fits = Buffer.byteLength(text.toWellFormed()) <= bytesMax;
        expect(fits ? kept : kept.at(-1)).toBe(fits ? text.toWellFormed() : '…');
        if (!fits) expect(text.toWellFormed().startsWith(kept.slice(0, -1))).toBe(true);
      }),
    );
  });

  it('costs no more than its beginning, however long it is', () => {
    const encode = jest.spyOn(TextEncoder.prototype, 'encode');
    foreignText('\u0000'.repeat(50_000_000));
    const lengths = encode.mock.calls.map(([text = '']) => text.length);
    encode.mockRestore();
    expect(lengths.length).toBeGreaterThan(0);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(FOREIGN_TEXT_BYTES_MAX + 1);
  });
});
