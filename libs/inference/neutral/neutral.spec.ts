import { carry } from './carrying';
import { sourceOf, urlOf } from './data-url';
import { joinEvents } from './events';

describe('carry', () => {
  it('answers what was made when nothing was refused', () => {
    expect(carry((carrying) => carrying.text('a', 'x'))).toEqual({ ok: true, value: 'a' });
  });

  it('answers the first thing that does not carry over, by its name', () => {
    const carried = carry((carrying) => {
      carrying.onlyKnown({ seed: 1, top_k: 2, user: null }, new Set(), '');
      return carrying.list('no list', 'stop');
    });
    expect(carried).toMatchObject({ ok: false, refusal: { code: 'unsupported_field', param: 'seed' } });
  });

  it('tells what is malformed', () => {
    for (const result of [
      carry((carrying) => carrying.text(1, 'a')),
      carry((carrying) => carrying.object([], 'a')),
      carry((carrying) => carrying.list({}, 'a')),
      carry((carrying) => carrying.number('1', 'a')),
    ])
      expect(result).toMatchObject({ ok: false, refusal: { code: 'invalid_value', param: 'a' } });
  });
});

describe('sourceOf', () => {
  it.each(['data:image/png;base64,AAAA', 'https://example.com/a.png', 'data:text/plain,hello'])('%s', (url) => {
    expect(urlOf(sourceOf(url))).toBe(url);
  });

  it('knows data by their type', () => {
    expect(sourceOf('data:image/png;base64,AAAA')).toEqual({ kind: 'base64', mediaType: 'image/png', data: 'AAAA' });
  });
});

describe('joinEvents', () => {
  it('joins pieces of one kind, and never over a seal', () => {
    expect(
      joinEvents([
        { type: 'text', text: 'a' },
        { type: 'text', text: 'b' },
        { type: 'reasoning', text: 'c' },
        { type: 'reasoning', text: '', signature: 's' },
        { type: 'reasoning', text: 'd' },
        { type: 'tool-call', id: '1', name: 'f' },
        { type: 'tool-call', id: '2', name: 'f' },
      ]),
    ).toEqual([
      { type: 'text', text: 'ab' },
      { type: 'reasoning', text: 'c', signature: 's' },
      { type: 'reasoning', text: 'd' },
      { type: 'tool-call', id: '1', name: 'f' },
      { type: 'tool-call', id: '2', name: 'f' },
    ]);
  });
});
