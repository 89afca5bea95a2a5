import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { type OpeningVerdict, StreamOpening } from './stream-opening';

function verdictOn(...chunks: readonly (string | Uint8Array)[]): OpeningVerdict {
  const opening = new StreamOpening();
  let verdict: OpeningVerdict = 'open';
  for (const chunk of chunks) verdict = opening.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
  return verdict;
}

describe('StreamOpening', () => {
  it.each([
    'data: {}\n\n',
    'data:{}',
    'data\n',
    'event: message_start\ndata: {}\n\n',
    'id: 7\n',
    'retry: 1000\r\n',
    ': a comment\n\n',
    '\n\r\n\ndata: x\n\n',
    'x-note: 1\n\ndata: x\n\n',
    'datum: <html>\ndata: x\n\n',
    'DATA: x\rdat\r\n: a comment\n',
    '\ufeffdata: x\n\n',
  ])('knows the stream that begins with %j', (text) => {
    expect(verdictOn(text)).toBe('stream');
  });

  it.each([
    '<!DOCTYPE html>\n<html>',
    '<html',
    '\n  <html>',
    '{"error": {"message": "overloaded"}}',
    '[]',
    'Service Unavailable',
    'error code: 1015',
    'database is down',
    'x-note: 1\n<html>',
    `${'x'.repeat(65)}: 1\n`,
    '\ufeff<html>',
    Buffer.from([0x1f, 0x8b, 0x08]),
    Buffer.from([0xef, 0xbb, 0x20]),
  ])('knows that %j begins none', (text) => {
    expect(verdictOn(text)).toBe('foreign');
  });

  it.each(['', '\n\n', 'd', 'even', 'retry', '\ufeff', 'x-note: 1\n\n', 'datum'])(
    'does not know yet after %j',
    (text) => {
      expect(verdictOn(text)).toBe('open');
    },
  );

  it.each([
    ['x-note: 1\n\n', 'foreign'],
    ['Forbidden', 'foreign'],
    ['\n', 'open'],
    ['data: x', 'stream'],
  ])('judges %j at its end as %s', (text, verdict) => {
    const opening = new StreamOpening();
    opening.push(Buffer.from(text));
    expect(opening.end()).toBe(verdict);
  });

  it('keeps its verdict, whatever follows', () => {
    expect(verdictOn('data: x\n\n', '<html>')).toBe('stream');
    expect(verdictOn('<html>', 'data: x\n\n')).toBe('foreign');
  });

  it('judges the same wherever the bytes are cut', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 12 }),
      fc.constantFrom('data: x', 'event: y', 'retryx', 'x: y\ndata: z', '\ufeffid:', '\r\n\n: z', '\ufeff\ufeffdata:'),
    );
    fc.assert(
      fc.property(text, (drawn) => {
        const bytes = Buffer.from(drawn);
        const oneByOne = Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));
        expect(verdictOn(...oneByOne)).toBe(verdictOn(bytes));
      }),
    );
  });

  it.each(readdirSync(join(__dirname, 'corpus')).filter((name) => name.endsWith('.txt')))(
    'knows the recorded stream %s',
    (name) => {
      expect(verdictOn(readFileSync(join(__dirname, 'corpus', name)))).toBe('stream');
    },
  );
});
