import fc from 'fast-check';
import { ChatStream, readChatAnswer } from '../../openai';
import { type Behaviour, backendClientContract, bodyOf, receive, testBackend } from '../contract';
import type { UpstreamOperation } from '../port';
import { readBody } from '../read-body';
import { SimulatorBackendClient } from './simulator-backend';
import { countSimulatedTokens, simulatedPieces } from './tokens';

const MODELS: Readonly<Record<Behaviour, string>> = {
  answers: 'echo',
  streams: 'echo',
  rejects: 'echo?errorStatus=429',
  unreachable: 'echo?unreachable=true',
  silent: 'echo?hang=true',
  stalls: 'echo?hangAtChunk=1',
  breaks: 'echo?cutAtChunk=1',
};

backendClientContract('simulator', () =>
  Promise.resolve({
    client: new SimulatorBackendClient(),
    target: (behaviour) => ({ baseUrl: 'http://simulator.invalid', model: MODELS[behaviour] }),
    close: () => Promise.resolve(),
  }),
);

const client = new SimulatorBackendClient();
const backend = testBackend('http://simulator.invalid');

function open(body: object, operation: UpstreamOperation = 'chat') {
  const { signal } = new AbortController();
  const messages = [
    { role: 'system', content: 'be brief' },
    { role: 'user', content: 'one two three four' },
  ];
  return client.open({
    backend,
    operation,
    signal,
    whyNotStart: () => undefined,
    body: { model: 'echo', messages, ...body },
  });
}

async function answerTo(body: object, operation?: UpstreamOperation) {
  const read = await readBody(bodyOf(await open(body, operation)), 1_000_000);
  if (read.kind !== 'text') throw new Error(read.kind);
  return read.text;
}

async function streamOf(body: object) {
  const { text } = await receive(
    bodyOf(await open({ stream: true, stream_options: { include_usage: true }, ...body })),
  );
  const chat = new ChatStream({
    clientModel: 'm',
    includeUsage: false,
    choices: 1,
    fallbackId: 'req_1',
    createdSeconds: 1,
  });
  const shown = chat.push(Buffer.from(text));
  const words = [...shown.matchAll(/"content":"([^"]*)"/g)].map(([, piece]) => piece).join('');
  return { words, outcome: chat.end(true) };
}

describe('echo', () => {
  it("answers with the user's last words, and always the same", async () => {
    const first = JSON.parse(await answerTo({}));
    expect(first.choices[0]).toMatchObject({
      message: { role: 'assistant', content: 'one two three four' },
      finish_reason: 'stop',
    });
    expect(JSON.parse(await answerTo({}))).toEqual(first);
  });

  it('streams the same words, with the same usage', async () => {
    const { words, outcome } = await streamOf({});
    expect(words).toBe('one two three four');
    expect(outcome).toMatchObject({ kind: 'complete', finishReason: 'stop', usage: { kind: 'reported' } });
    const unstreamed = readChatAnswer(await answerTo({}));
    expect(unstreamed).toMatchObject({ usage: outcome.usage });
  });

  it.each(['max_tokens', 'max_completion_tokens'])('honours %s', async (field) => {
    const answer = JSON.parse(await answerTo({ [field]: 2 }));
    expect(answer.choices[0]).toMatchObject({ message: { content: 'one two' }, finish_reason: 'length' });
    expect(answer.usage.completion_tokens).toBe(2);
    expect(await streamOf({ [field]: 2 })).toMatchObject({ words: 'one two', outcome: { finishReason: 'length' } });
  });

  it('answers as often as asked', async () => {
    const answer = JSON.parse(await answerTo({ n: 3 }));
    expect(answer.choices.map(({ index }: { index: number }) => index)).toEqual([0, 1, 2]);
    expect(answer.usage.completion_tokens % 3).toBe(0);
  });

  it.each([
    ['absent', { kind: 'absent' }],
    ['absurd', { kind: 'absurd' }],
    ['beyond-cap', { kind: 'reported', usage: { output: 1_002 } }],
  ])('can report usage that is %s', async (mode, usage) => {
    const body = { model: `echo?usage=${mode}`, max_tokens: 2 };
    expect(readChatAnswer(await answerTo(body))).toMatchObject({ kind: 'answer', usage });
    expect((await streamOf(body)).outcome).toMatchObject({ kind: 'complete', usage });
  });

  it('can send garbage, or an error in the middle', async () => {
    expect(readChatAnswer(await answerTo({ model: 'echo?garbage=true' })).kind).toBe('garbage');
    expect((await streamOf({ model: 'echo?garbage=true' })).outcome.kind).toBe('garbage');
    expect((await streamOf({ model: 'echo?errorAtChunk=2' })).outcome).toMatchObject({ kind: 'backend-error' });
    expect((await streamOf({ model: 'echo?cutAtChunk=3' })).outcome).toMatchObject({
      kind: 'cut',
      seen: { deltas: 2 },
    });
  });

  it('takes its time when told to', async () => {
    const started = performance.now();
    // 2 tokens of output at 100 per second, after 20 ms.
    await streamOf({ model: 'echo?latencyMs=20&tokensPerSecond=100', max_tokens: 2 });
    expect(performance.now() - started).toBeGreaterThan(35);
  });

  it('says what it does not understand', async () => {
    expect(await open({ model: 'echo?speed=9' })).toMatchObject({
      kind: 'status',
      status: 404,
      body: expect.stringContaining("does not understand 'speed=9'"),
    });
    expect(await open({ model: 'echo' }, 'embedding')).toMatchObject({ kind: 'status', status: 404 });
  });
});

describe('echo-embedding', () => {
  it('answers the same unit vector for the same text, in both formats', async () => {
    const body = { model: 'echo-embedding', input: ['a', 'b', 'a'] };
    const floats = JSON.parse(await answerTo(body, 'embedding'));
    const base64 = JSON.parse(await answerTo({ ...body, encoding_format: 'base64' }, 'embedding'));
    const vectors: number[][] = floats.data.map((item: { embedding: number[] }) => item.embedding);
    expect(vectors[0]).toEqual(vectors[2]);
    expect(vectors[0]).not.toEqual(vectors[1]);
    expect(Math.hypot(...(vectors[0] ?? []))).toBeCloseTo(1, 5);
    const bytes = Buffer.from(base64.data[1].embedding, 'base64');
    expect(Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(i * 4))).toEqual(vectors[1]);
    expect(floats.usage).toEqual({ prompt_tokens: 3, total_tokens: 3 });
  });

  it('has as many dimensions as asked for', async () => {
    const answer = JSON.parse(await answerTo({ model: 'echo-embedding', input: 'a', dimensions: 3 }, 'embedding'));
    expect(answer.data[0].embedding).toHaveLength(3);
  });
});

describe("the simulator's tokens", () => {
  it('are never more than the bytes, and lose nothing of the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), fc.integer({ min: 1, max: 5 }), (text, size) => {
        const tokens = countSimulatedTokens(text);
        expect(tokens).toBeLessThanOrEqual(Buffer.byteLength(text));
        const pieces = simulatedPieces(text, tokens, size);
        expect(pieces.join('')).toBe(text);
        expect(pieces).toHaveLength(Math.ceil(tokens / size));
        if (text.isWellFormed()) for (const piece of pieces) expect(piece.isWellFormed()).toBe(true);
      }),
    );
  });

  it('are words, cut after four units', () => {
    expect(simulatedPieces('one two wonderful', 9, 1)).toEqual(['one', ' two', ' won', 'derf', 'ul']);
  });
});

it.each([
  ['chat', { messages: [{ role: 'user', content: 'one two three four five' }] }],
  ['completion', { prompt: ['one', 'one two three four five'] }],
  ['embedding', { model: 'echo-embedding', input: ['one two three four five'] }],
] as const)('reads no more than the context of its model (%s)', async (operation, body) => {
  const { signal } = new AbortController();
  const call = { backend, operation, signal, whyNotStart: () => undefined, body: { model: 'echo', ...body } };
  const answers = await Promise.all([4, 100].map((contextTokens) => client.open({ ...call, contextTokens })));
  expect(answers).toMatchObject([
    { kind: 'status', status: 400, body: expect.stringContaining('context_length_exceeded') },
    { kind: 'answer' },
  ]);
});
