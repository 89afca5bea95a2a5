import { parseModelId } from './model-id';

describe('the id of a model', () => {
  it.each(['echo', 'maker/model', 'maker/model:8b@q4', 'é'.repeat(128), ' '])('may be "%s"', (text) =>
    expect(parseModelId(text)).toBe(text),
  );

  it.each([
    ['', 'nothing'],
    ['/model', 'begun by a slash'],
    ['model/', 'ended by a slash'],
    ['mo\u0000del', 'with a control character'],
    ['mo\u0085del', 'with a control character beyond ASCII'],
    ['\ud800', 'with a lone surrogate'],
    ['x'.repeat(257), 'more than 256 bytes'],
    ['é'.repeat(129), 'more than 256 bytes'],
  ])('is not "%s": %s', (text) => expect(parseModelId(text)).toBeUndefined());
});
