import fc from 'fast-check';
import { SseParser, type SseRemainder } from './sse-parser';

interface Parsed {
  readonly frames: { data: string; event: string }[];
  readonly remainder: SseRemainder | undefined;
  readonly ok: boolean;
}

function parse(chunks: readonly Uint8Array[], frameBytesMax?: number): Parsed {
  const parser = new SseParser(frameBytesMax);
  const frames: { data: string; event: string }[] = [];
  let ok = true;
  for (const chunk of chunks) ok = parser.push(chunk, (data, event) => frames.push({ data, event }));
  return { frames, remainder: parser.end(), ok };
}

function parseText(text: string, frameBytesMax?: number): Parsed {
  return parse([Buffer.from(text)], frameBytesMax);
}

/** Cuts bytes at the given places, wherever they fall. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const cuts = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return cuts.slice(1).map((end, i) => bytes.subarray(cuts[i], end));
}

describe('SseParser', () => {
  it('takes LF, CRLF and CR for line ends', () => {
    for (const eol of ['\n', '\r\n', '\r'])
      expect(parseText(`data: a${eol}${eol}data: b${eol}${eol}`).frames.map(({ data }) => data)).toEqual(['a', 'b']);
  });

  it('joins data lines with LF and strips one leading space', () => {
    expect(parseText('data: one\ndata:two\ndata:  three\n\n').frames).toEqual([
      { data: 'one\ntwo\n three', event: '' },
    ]);
  });

  it('keeps the event name of one frame only', () => {
    expect(parseText('event: message_start\ndata: {}\n\ndata: x\n\n').frames).toEqual([
      { data: '{}', event: 'message_start' },
      { data: 'x', event: '' },
    ]);
  });

  it('skips comments, ids, retries and frames without data', () => {
    expect(parseText(': hello\n\nid: 1\nretry: 5\n\nevent: ping\n\ndata: x\n\n').frames).toEqual([
      { data: 'x', event: '' },
    ]);
  });

  it('skips frames whose data is blank, and fields that it does not know', () => {
    const text = 'data\n\ndata:\n\ndata: \n\nevent: ping\ndata:\ndata:\n\nx-note: 1\n\nx-note: 1\ndata: x\n\n';
    expect(parseText(text).frames).toEqual([{ data: 'x', event: '' }]);
  });

  it('skips one byte order mark at the start, even when it arrives in pieces', () => {
    const bytes = Buffer.from('\ufeffdata: x\n\n');
    for (let at = 0; at <= bytes.length; at += 1)
      expect(parse(cut(bytes, [at])).frames).toEqual([{ data: 'x', event: '' }]);
  });

  it('reports what an end in the middle leaves behind', () => {
    expect(parseText('data: x\n\n').remainder).toBeUndefined();
    expect(parseText('data: x\n').remainder).toEqual({ data: 'x', event: '' });
    expect(parseText('data: [DO').remainder).toEqual({ data: '[DO', event: '' });
    expect(parseText('dat').remainder).toEqual({ data: '', event: '' });
    for (const text of [': only a comment', 'data:', 'event: pi', 'x-note'])
      expect(parseText(text).remainder).toBeUndefined();
  });

  it('refuses a frame beyond its limit, complete or not, in one line or many', () => {
    expect(parseText('data: 12345\n\n', 11).ok).toBe(true);
    expect(parseText('data: 123456\n\n', 11).ok).toBe(false);
    expect(parseText('data: 123456', 11).ok).toBe(false);
    expect(parseText('data: 1\ndata: 2\n\n', 11).ok).toBe(false);
    // The limit is per frame.
    expect(parseText('data: 1\n\ndata: 2\n\n', 11).ok).toBe(true);
  });

  it('reads the same frames however the bytes are cut', () => {
    const line = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => `data: ${text.replaceAll(/[\r\n]/g, '')}`),
      fc.constantFrom('event: delta', ': comment', 'id: 4', 'data', 'data:', 'nonsense', ''),
    );
    const eol = fc.constantFrom('\n', '\r\n', '\r');
    const stream = fc.array(fc.tuple(line, eol), { maxLength: 20 }).map((lines) => lines.flat().join(''));
    fc.assert(
      fc.property(
        stream,
        fc.array(fc.nat(), { maxLength: 12 }),
        fc.integer({ min: 4, max: 60 }),
        (text, places, max) => {
          const bytes = Buffer.from(text);
          expect(parse(cut(bytes, places))).toEqual(parse([bytes]));
          expect(parse(cut(bytes, places), max).ok).toBe(parse([bytes], max).ok);
        },
      ),
    );
  });

  it('reads what a writer wrote', () => {
    const data = fc
      .string({ unit: 'grapheme', minLength: 1 })
      .filter((text) => !/[\r\n\ufeff]/.test(text) && /\S/.test(text));
    fc.assert(
      fc.property(fc.array(data, { maxLength: 8 }), fc.array(fc.nat(), { maxLength: 8 }), (written, places) => {
        const bytes = Buffer.from(written.map((text) => `data: ${text}\n\n`).join(''));
        expect(parse(cut(bytes, places)).frames.map((frame) => frame.data)).toEqual(written);
      }),
    );
  });
});
