import fc from 'fast-check';
import { NO_USAGE, usd } from '#kernel';
import { readEmbeddingAnswer, renderEmbeddingAnswer } from './answer';
import { buildEmbeddingUpstream } from './build-upstream';
import { decodeFloats, encodeFloats } from './encoding';
import { type EmbeddingRequest, parseEmbeddingRequest } from './parse-request';

const hello = { model: 'm', input: 'Grüße' };

function accepted(body: unknown): EmbeddingRequest {
  const parsed = parseEmbeddingRequest(body);
  if (!parsed.ok) throw new Error(`refused: ${JSON.stringify(parsed.refusal)}`);
  return parsed.request;
}

describe('parseEmbeddingRequest', () => {
  it('bounds every item by itself, and generates nothing', () => {
    const { facts } = accepted({ ...hello, input: ['Grüße', 'ab'] });
    expect(facts).toMatchObject({ prompts: [{ textBytes: 7 }, { textBytes: 2 }], outputsPerPrompt: 0 });
    expect(accepted({ ...hello, input: [[1, 2], [3]] }).facts.prompts).toMatchObject([
      { tokenIds: 2 },
      { tokenIds: 1 },
    ]);
  });

  it('reads the format, which is float unless asked otherwise', () => {
    expect(accepted(hello).format).toBe('float');
    expect(accepted({ ...hello, encoding_format: 'base64' }).format).toBe('base64');
  });

  it.each<[string, unknown, string, string | null]>([
    ['no input', { model: 'm' }, 'missing_required_parameter', 'input'],
    ['an object', { model: 'm', input: [{ image: 'x' }] }, 'invalid_type', 'input[0]'],
    ['another format', { ...hello, encoding_format: 'int8' }, 'invalid_value', 'encoding_format'],
    ['no dimensions', { ...hello, dimensions: 0 }, 'invalid_value', 'dimensions'],
    ['a stream', { ...hello, stream: true }, 'unsupported_field', 'stream'],
    ['messages', { ...hello, messages: [] }, 'unsupported_field', 'messages'],
    ['half a surrogate pair', { ...hello, input: '\udc00' }, 'invalid_unicode', 'input'],
    ['a look-alike', { ...hello, Input: 'x' }, 'ambiguous_field', 'input'],
  ])('refuses %s', (_name, body, code, param) => {
    const parsed = parseEmbeddingRequest(body);
    expect(parsed).toMatchObject({ ok: false, refusal: { code, param } });
  });
});

describe('buildEmbeddingUpstream', () => {
  it('passes dimensions and format on, and drops what the backend rejects', () => {
    const request = accepted({ ...hello, dimensions: 8, encoding_format: 'base64', stream: false, user: 'x' });
    const built = buildEmbeddingUpstream(request, { upstreamModel: 'up', backend: { dropFields: ['user', 'input'] } });
    expect(built).toEqual({ model: 'up', input: 'Grüße', dimensions: 8, encoding_format: 'base64' });
  });
});

describe('encoding', () => {
  it('keeps every 32-bit float exactly', () => {
    fc.assert(
      fc.property(fc.array(fc.float({ noNaN: true, noDefaultInfinity: true })), (vector) => {
        expect(decodeFloats(encodeFloats(vector))).toEqual(vector);
      }),
    );
  });

  it('is what a reader of little-endian floats expects', () => {
    expect(encodeFloats([1, -2])).toBe(Buffer.from([0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]).toString('base64'));
  });

  it.each(['AAAA', '???=', 'AAAAAA==x'])('%s holds no floats', (text) => {
    expect(decodeFloats(text)).toBeUndefined();
  });
});

describe('the answer', () => {
  const vector = [0.5, -0.25, 0.1];
  const answerOf = (embedding: unknown, usage: unknown = { prompt_tokens: 3, total_tokens: 3 }) =>
    JSON.stringify({ object: 'list', model: 'up', data: [{ object: 'embedding', index: 0, embedding }], usage });
  const read = (format: string, text: string) =>
    readEmbeddingAnswer(text, accepted({ ...hello, encoding_format: format }));
  const rendered = (format: string, text: string) => {
    const answer = read(format, text);
    if (answer.kind !== 'answer') throw new Error(answer.kind);
    const charged = { ...NO_USAGE, input: 7 };
    return JSON.parse(renderEmbeddingAnswer(answer, { clientModel: 'm', charged, cost: usd('0.25') }));
  };

  it.each([
    ['float', vector],
    ['float', encodeFloats(vector)],
    ['base64', vector],
    ['base64', encodeFloats(vector)],
  ])('asked in %s of a backend that says %j', (format, embedding) => {
    const shown = rendered(format, answerOf(embedding)).data[0].embedding;
    const values: number[] = format === 'float' ? shown : decodeFloats(shown);
    expect(values.map(Math.fround)).toEqual(vector.map(Math.fround));
  });

  it('passes floats on digit by digit when floats were asked for', () => {
    expect(rendered('float', answerOf(vector)).data[0].embedding).toEqual(vector);
  });

  it("has the client's model, and usage without output", () => {
    expect(rendered('float', answerOf(vector))).toMatchObject({
      object: 'list',
      model: 'm',
      usage: { prompt_tokens: 3, total_tokens: 3, cost: '0.25' },
    });
    expect(rendered('float', answerOf(vector, null)).usage).toEqual({
      prompt_tokens: 7,
      total_tokens: 7,
      cost: '0.25',
    });
  });

  it.each([
    [{ prompt_tokens: 3, total_tokens: 3 }, 'reported'],
    [{ prompt_tokens: 3, completion_tokens: 0, total_tokens: 3 }, 'reported'],
    [{ prompt_tokens: 3, completion_tokens: 2 }, 'absurd'],
    [{ prompt_tokens: 0 }, 'absurd'],
    [undefined, 'absent'],
  ])('usage %j is %s', (usage, kind) => {
    expect(read('float', answerOf(vector, usage ?? null))).toMatchObject({ usage: { kind } });
  });

  it.each([
    ['<html>', 'invalid-json'],
    ['{"data":[]}', 'empty-answer'],
    ['{"data":[{"embedding":null}]}', 'not-an-answer'],
    ['{"data":[{"embedding":[1]},{"embedding":[1]}]}', 'not-an-answer'],
    ['{}', 'not-an-answer'],
  ])('%s is garbage', (text, reason) => {
    expect(read('float', text)).toEqual({ kind: 'garbage', reason });
  });
});
