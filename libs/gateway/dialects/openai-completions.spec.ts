import OpenAI from 'openai';
import { openAiCompletions } from './openai-completions';
import { openAiEmbeddings } from './openai-embeddings';
import { accepted, answered, expectSameAtEverySplit, OneAnswerServer, relayed } from './spec-kit';

const chunk = (index: number, text: string, finish_reason: string | null = null) =>
  `data: ${JSON.stringify({ id: 'cmpl-1', object: 'text_completion', created: 5, model: 'up-1', choices: [{ index, text, logprobs: null, finish_reason }] })}\n\n`;
const usage = { prompt_tokens: 4, completion_tokens: 3, total_tokens: 7 };
const STREAM = Buffer.from(
  `${chunk(0, 'Grüße')}${chunk(1, ' b')}${chunk(0, ' 👋')}${chunk(1, '', 'stop')}${chunk(0, '', 'length')}` +
    `data: ${JSON.stringify({ id: 'cmpl-1', object: 'text_completion', created: 5, model: 'up-1', choices: [], usage })}\n\ndata: [DONE]\n\n`,
);

describe('POST /v1/completions', () => {
  const server = new OneAnswerServer();
  let client: OpenAI;
  beforeAll(async () => {
    await server.start();
    client = new OpenAI({ apiKey: 'k', baseURL: `${server.origin}/v1`, maxRetries: 0 });
  });
  afterAll(() => server.stop());

  const params = { model: 'house/m', prompt: ['a', 'b'], stream_options: { include_usage: true } };

  it('streams to the official client, wherever the bytes are cut', async () => {
    const request = accepted(openAiCompletions, { ...params, stream: true });
    const { before, closing, outcome } = expectSameAtEverySplit(openAiCompletions, request, 'openai', STREAM);
    expect(outcome).toMatchObject({
      kind: 'complete',
      usage: { kind: 'reported', usage: { input: 4, output: 3 } },
      seen: { textBytes: 14, deltas: 3 },
    });
    server.stream(before + closing);
    const texts = ['', ''];
    let last: OpenAI.Completion | undefined;
    for await (const piece of await client.completions.create({ ...params, stream: true })) {
      for (const choice of piece.choices) texts[choice.index] += choice.text;
      expect(piece.model).toBe('house/m');
      expect(piece.object).toBe('text_completion');
      last = piece;
    }
    expect(texts).toEqual(['Grüße 👋', ' b']);
    expect(last?.usage).toEqual({ ...usage, cost: '0.000125' });
  });

  it('a stream whose usage nobody asked for ends without it', () => {
    const request = accepted(openAiCompletions, { model: 'm', prompt: ['a', 'b'], stream: true });
    expect(relayed(openAiCompletions, request, 'openai', STREAM).closing).toBe('data: [DONE]\n\n');
  });

  it('answers the official client', async () => {
    const request = accepted(openAiCompletions, { model: 'house/m', prompt: 'a' });
    const choices = [{ index: 0, text: 'bc', logprobs: null, finish_reason: 'stop' }];
    server.json(answered(openAiCompletions, request, 'openai', { id: 'c', model: 'up', choices, usage }));
    const answer = await client.completions.create({ model: 'house/m', prompt: 'a' });
    expect(answer).toMatchObject({ model: 'house/m', choices, usage: { ...usage, cost: '0.000125' } });
  });

  it('does not count a repeated prompt as output', () => {
    const request = accepted(openAiCompletions, { model: 'm', prompt: 'abc', echo: true });
    const said = { choices: [{ index: 0, text: 'abcde', finish_reason: 'stop' }] };
    const bounds = {
      inputTokensMax: 9,
      inputTokensEstimate: 1,
      outputTokensCap: 9,
      outputCapSource: 'client',
      outputsMax: 1,
    } as const;
    const context = { requestId: 'r', createdSeconds: 1, latencyMs: () => 1, backendKind: 'openai' } as const;
    expect(openAiCompletions.readAnswer(request, JSON.stringify(said), context, bounds)).toMatchObject({
      seen: { textBytes: 2 },
    });
  });
});

describe('POST /v1/embeddings', () => {
  const server = new OneAnswerServer();
  beforeAll(() => server.start());
  afterAll(() => server.stop());

  /** The client asks for base64 unasked and would read floats as zeros. */
  it.each([undefined, 'float', 'base64'] as const)(
    'gives the official client the same values when it asks for %s',
    async (encoding_format) => {
      const vector = [0.125, -0.5, 3];
      const client = new OpenAI({ apiKey: 'k', baseURL: `${server.origin}/v1`, maxRetries: 0 });
      const params = { model: 'm', input: 'x', ...(encoding_format === undefined ? {} : { encoding_format }) };
      server.json('{"data":[]}');
      await client.embeddings.create(params).catch(() => undefined);
      const request = accepted(openAiEmbeddings, server.last?.body);
      expect(request.format).toBe(encoding_format ?? 'base64');
      const said = { data: [{ object: 'embedding', index: 0, embedding: vector }], usage: { prompt_tokens: 1 } };
      server.json(answered(openAiEmbeddings, request, 'openai', said));
      const [first] = (await client.embeddings.create(params)).data;
      const shown: unknown = first?.embedding;
      const values =
        typeof shown === 'string' ? [...new Float32Array(new Uint8Array(Buffer.from(shown, 'base64')).buffer)] : shown;
      expect(values).toEqual(vector);
    },
  );
});
