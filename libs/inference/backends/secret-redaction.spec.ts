import fc from 'fast-check';
import { redactedError, redactorOf } from './secret-redaction';

const SECRET = 'sk-upstream+SECRET/01"23456789';
const redact = redactorOf(SECRET);
const base64 = (text: string) => Buffer.from(text).toString('base64');

describe('a credential in what its backend says', () => {
  it.each<[string, string]>([
    ['as it is', SECRET],
    ['as a header', `authorization: Bearer ${SECRET}`],
    ['in other letters', SECRET.toUpperCase()],
    ['in JSON', JSON.stringify({ authorization: `Bearer ${SECRET}` })],
    ['in JSON within JSON', JSON.stringify(JSON.stringify({ key: SECRET }))],
    [
      'in JSON that escapes all it may',
      SECRET.replaceAll(/[^A-Za-z0-9]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`),
    ],
    ['in a URL', `POST /v1?key=${encodeURIComponent(SECRET)}`],
    ['in base64', base64(SECRET)],
    ['in base64, after a name', base64(`user:${SECRET}`)],
    ['in base64, as a header', base64(`Bearer ${SECRET}`)],
    ['in base64 for URLs', Buffer.from(`:${SECRET}`).toString('base64url')],
    ['in hexadecimal', Buffer.from(SECRET).toString('hex')],
    ['cut off', SECRET.slice(0, 20)],
    ['without its beginning', SECRET.slice(9)],
  ])('%s, is taken out', (_how, text) => {
    const shown = redact(`before ${text} after`);
    expect(shown).toMatch(/^before .*\[redacted\].* after$/);
    for (let at = 0; at + 16 <= text.length; at += 1)
      if (SECRET.toLowerCase().includes(text.slice(at, at + 16).toLowerCase()))
        expect(shown.toLowerCase()).not.toContain(text.slice(at, at + 16).toLowerCase());
  });

  it('leaves every other text as it is', () => {
    for (const text of ['', 'Bad request: temperature is above 2.', 'Incorrect API key provided: sk-up…6789.'])
      expect(redact(text)).toBe(text);
    expect(redactorOf(undefined)(SECRET)).toBe(SECRET);
    expect(redactorOf('')(SECRET)).toBe(SECRET);
  });

  it('is found wherever it stands, and nothing else goes', () =>
    fc.assert(
      fc.property(fc.string({ maxLength: 100 }), fc.string({ maxLength: 100 }), (before, after) => {
        fc.pre(redact(before) === before && redact(after) === after);
        const shown = redact(`${before} ${SECRET} ${after}`);
        expect(shown).not.toContain(SECRET);
        expect(shown.length).toBeLessThanOrEqual(before.length + after.length + 12);
      }),
    ));

  it('that is a word, as local servers are content with, goes only where it stands alone', () => {
    const redactWord = redactorOf('none');
    expect(redactWord('Bearer none is not valid, nonetheless')).toBe('Bearer [redacted] is not valid, nonetheless');
  });

  it('makes no code, no type, and no half of itself in a message that is cut', () => {
    const message = `${'x'.repeat(245)}${SECRET}`;
    const error = redactedError({ code: SECRET.slice(0, 25), type: `bad:${SECRET}`, message }, redact);
    expect(Object.keys(error)).toEqual(['message']);
    expect(error.message).not.toContain('sk-up');
    expect(redactedError({ code: 'bad', type: 'invalid_request_error' }, redact)).toEqual({
      code: 'bad',
      type: 'invalid_request_error',
    });
  });
});
