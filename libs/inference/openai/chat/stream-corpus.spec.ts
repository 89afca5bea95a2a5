import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { usd } from '#kernel';
import { ChatStream } from './chat-stream';

/**
 * Streams as backends of different makers send them, in `streaming/corpus`. Each is cut in two at every byte: neither
 * the client's text nor the outcome may depend on where.
 */
const CORPUS = join(__dirname, '../../streaming/corpus');
const files = readdirSync(CORPUS).filter((name) => name.endsWith('.txt'));

function stream(includeUsage: boolean, choices = 1): ChatStream {
  return new ChatStream({
    clientModel: 'house/model',
    includeUsage,
    choices,
    fallbackId: 'req_1',
    createdSeconds: 7,
  });
}

function play(name: string, includeUsage: boolean, at?: number) {
  const bytes = readFileSync(join(CORPUS, name));
  const chat = stream(includeUsage, name === 'two-choices.txt' ? 2 : 1);
  const cuts = at === undefined ? [bytes] : [bytes.subarray(0, at), bytes.subarray(at)];
  const text = cuts.map((chunk) => chat.push(chunk)).join('');
  return { text, outcome: chat.end(true) };
}

/** The words that a client reads from its frames. */
function words(text: string): string {
  return text
    .split('\n\n')
    .filter((frame) => frame !== '')
    .map((frame) => JSON.parse(frame.slice('data: '.length)))
    .map((chunk) => chunk.choices[0]?.delta?.content ?? '')
    .join('');
}

describe.each(files)('the stream of %s', (name) => {
  it('does not depend on where the network cuts it', () => {
    const whole = JSON.stringify(play(name, false));
    const size = readFileSync(join(CORPUS, name)).length;
    const places = Array.from({ length: size + 1 }, (_, at) => at);
    expect(places.filter((at) => JSON.stringify(play(name, false, at)) !== whole)).toEqual([]);
  });

  it('shows the client its own model and neither usage nor [DONE]', () => {
    const { text } = play(name, false);
    for (const frame of text.split('\n\n').slice(0, -1)) {
      const chunk = JSON.parse(frame.replace(/^data: /, ''));
      expect(chunk.model).toBe('house/model');
      expect(chunk.usage).toBeUndefined();
      expect(chunk.choices).not.toHaveLength(0);
    }
    expect(text).not.toContain('[DONE]');
  });

  it('is complete', () => {
    expect(play(name, false).outcome.kind).toBe('complete');
  });
});

describe('what each maker reports', () => {
  const reported = (input: number, cachedInput: number, cacheWrite: number, output: number) => ({
    kind: 'reported',
    usage: { input, cachedInput, cacheWrite, output },
  });

  it.each([
    ['openai.txt', reported(11, 8, 0, 4), 'stop', 'Grüße 👋'],
    ['azure-openai.txt', reported(10, 0, 0, 2), 'stop', 'Hello there'],
    ['vllm.txt', reported(31, 0, 0, 3), 'length', 'One two'],
    ['mistral.txt', reported(9, 0, 0, 3), 'stop', 'Bonjour'],
    ['groq.txt', reported(18, 0, 0, 2), 'stop', 'Fast'],
    ['crlf-comments.txt', reported(29, 5, 6, 12), 'tool_calls', ''],
    ['ollama.txt', { kind: 'absent' }, 'stop', 'Hi you'],
    ['cr-multiline-no-done.txt', { kind: 'absent' }, 'stop', 'old'],
  ])('%s', (name, usage, finishReason, text) => {
    const played = play(name, false);
    expect(played.outcome).toMatchObject({ kind: 'complete', usage, finishReason });
    expect(words(played.text)).toBe(text);
  });

  it('counts names and arguments of tool calls as output', () => {
    // get_weather and {"city":"Zürich"}, where ü takes two bytes.
    expect(play('crlf-comments.txt', false).outcome.seen).toEqual({ textBytes: 11 + 18, deltas: 2 });
  });

  it("the client's usage chunk is the backend's with its cost", () => {
    const chat = stream(true);
    chat.push(readFileSync(join(CORPUS, 'openai.txt')));
    const frame = chat.usage({ input: 0, cachedInput: 0, cacheWrite: 0, output: 0 }, usd('0.000012345'));
    const chunk = JSON.parse(frame.slice('data: '.length));
    expect(chunk).toMatchObject({ id: 'chatcmpl-B9MBs8Cj', model: 'house/model', choices: [] });
    expect(chunk.usage).toMatchObject({ prompt_tokens: 19, completion_tokens: 4, cost: '0.000012345' });
    expect(chunk.usage.prompt_tokens_details.cached_tokens).toBe(8);
  });
});

it('a frame beyond the limit is garbage, and what came before was passed on', () => {
  const chat = new ChatStream(
    { clientModel: 'm', includeUsage: false, choices: 1, fallbackId: 'req_1', createdSeconds: 7 },
    100,
  );
  const frame = 'data: {"id":"c1","model":"m","choices":[{"index":0,"delta":{"content":"x"}}]}\n\n';
  expect(chat.push(Buffer.from(`${frame}data: ${'y'.repeat(100)}`))).toBe(frame);
  expect(chat.ended).toBe(true);
  expect(chat.end(true)).toMatchObject({ kind: 'garbage', reason: 'frame-too-large', seen: { textBytes: 1 } });
});
