import { bodyOf, receive, testBackend } from '../contract';
import { readBody } from '../read-body';
import { SimulatorBackendClient } from './simulator-backend';

const client = new SimulatorBackendClient();
const backend = testBackend('http://simulator.invalid');

function open(body: object) {
  const { signal } = new AbortController();
  return client.open({
    backend,
    operation: 'completion',
    signal,
    whyNotStart: () => undefined,
    body: { model: 'echo', ...body },
  });
}

async function answerTo(body: object) {
  const read = await readBody(bodyOf(await open(body)), 1_000_000);
  return JSON.parse(read.kind === 'text' ? read.text : '{}');
}

describe('the simulated completion', () => {
  it('says each prompt again, n times, up to the cap', async () => {
    const answer = await answerTo({ prompt: ['ab', 'one two three'], n: 2, max_tokens: 2 });
    expect(
      answer.choices.map(({ index, text, finish_reason }: Record<string, unknown>) => [index, text, finish_reason]),
    ).toEqual([
      [0, 'ab', 'stop'],
      [1, 'ab', 'stop'],
      [2, 'one two', 'length'],
      [3, 'one two', 'length'],
    ]);
    expect(answer.usage).toEqual({ prompt_tokens: 5, completion_tokens: 6, total_tokens: 11 });
  });

  it('reads tokens as the numbers they are', async () => {
    expect((await answerTo({ prompt: [1, 2] })).choices[0].text).toBe('1 2');
  });

  it('streams, with usage when asked', async () => {
    const { text } = await receive(
      bodyOf(await open({ prompt: 'one two', stream: true, stream_options: { include_usage: true } })),
    );
    const frames = text.split('\n\n').filter((frame) => frame !== '');
    expect(frames.at(-1)).toBe('data: [DONE]');
    const chunks = frames.slice(0, -1).map((frame) => JSON.parse(frame.slice('data: '.length)));
    expect(chunks.map(({ choices }) => choices[0]?.text ?? '').join('')).toBe('one two');
    expect(chunks.at(-1)).toMatchObject({ object: 'text_completion', choices: [], usage: { completion_tokens: 2 } });
  });

  it('fails as it is told', async () => {
    expect(await open({ model: 'echo?errorStatus=500', prompt: 'a' })).toMatchObject({ kind: 'status', status: 500 });
  });
});
