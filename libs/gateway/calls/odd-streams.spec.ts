import type { BackendClient, UpstreamBody } from '#inference/backends';
import type { BackendKind } from '#inference/catalogue';
import type { LedgerEvent } from '#ledger';
import { DIALECTS } from '../dialects';
import { CallRunner } from './call-runner';
import type { CallDependencies } from './ports';
import { CallWorld, ClientSide, sentBody, simulatedBackend, simulatedModel } from './spec-kit';

/** What a backend of each kind says piece by piece; `finish` has the usage with it, as far as its dialect can. */
interface Tongue {
  readonly begin: string;
  readonly word: string;
  readonly finish: string;
  readonly end: string;
}

const data = (value: object) => `data: ${JSON.stringify(value)}\n\n`;
const event = (value: { readonly type: string; readonly [key: string]: unknown }) =>
  `event: ${value.type}\n${data(value)}`;
const choices = (choice: object) => ({ id: 'c', choices: [{ index: 0, ...choice }] });
const openAi = (delta: object, text: string): Tongue => ({
  begin: '',
  word: data(choices(delta)),
  finish:
    data(choices({ ...(text === 'text' ? { text: '' } : { delta: {} }), finish_reason: 'stop' })) +
    data({ id: 'c', choices: [], usage: { prompt_tokens: 7, completion_tokens: 3 } }),
  end: 'data: [DONE]\n\n',
});
const CHAT = openAi({ delta: { content: 'par' } }, 'delta');
const TEXT = openAi({ text: 'par' }, 'text');
const MESSAGES: Tongue = {
  begin:
    event({ type: 'message_start', message: { id: 'm', content: [], usage: { input_tokens: 7 } } }) +
    event({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }),
  word: event({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'par' } }),
  finish:
    event({ type: 'content_block_stop', index: 0 }) +
    event({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 3 } }),
  end: event({ type: 'message_stop' }),
};

const HELLO = [{ role: 'user', content: 'Hello?' }];
const CHAT_ROUTES: readonly (readonly [string, object])[] = [
  ['/chat/completions', { model: 'm', messages: HELLO }],
  ['/responses', { model: 'm', input: 'Hello?' }],
  ['/messages', { model: 'm', messages: HELLO, max_tokens: 20 }],
  ['/inference', { model: 'm', prompt: 'Hello?' }],
];
const CASES: readonly (readonly [string, BackendKind, object, Tongue])[] = [
  ...CHAT_ROUTES.map(([path, body]) => [path, 'openai', body, CHAT] as const),
  ...CHAT_ROUTES.map(([path, body]) => [path, 'anthropic', body, MESSAGES] as const),
  ['/completions', 'openai', { model: 'm', prompt: 'Hello?' }, TEXT],
];

/** The last event of a good stream, and of one that failed. */
const ENDINGS: Readonly<Record<string, readonly [string, string]>> = {
  '/messages': ['"type":"message_stop"', '"type":"error"'],
  '/responses': ['"type":"response.completed"', '"type":"response.failed"'],
};
const OPENAI_ENDING = ['data: [DONE]', '"error":{'] as const;

function saying(text: string): BackendClient {
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  const body: UpstreamBody = {
    pipe(sink) {
      sink.onChunk(Buffer.from(text));
      if (!isOver) sink.onEnd();
    },
    resume: () => undefined,
    discard: over,
    release: over,
  };
  return { open: async () => ({ kind: 'answer', status: 200, headers: {}, body }), close: () => Promise.resolve() };
}

describe.each(CASES)('the stream of %s before a backend of kind %s', (path, kind, body, said) => {
  let world: CallWorld;
  const { begin, word, finish, end } = said;
  const [good, failed] = ENDINGS[path] ?? OPENAI_ENDING;

  beforeEach(() => {
    const model = simulatedModel('m', 'up', path === '/completions' ? { kind: 'completion' } : {});
    world = new CallWorld({ models: [model], backends: [simulatedBackend('main', { kind })] });
  });
  afterEach(() => world.close());

  async function stream(text: string): Promise<{ lastFrame: string; text: string; ended: LedgerEvent | undefined }> {
    const deps: CallDependencies = { ...world.deps, backendClient: () => saying(text) };
    const [caller, side] = [world.caller(), new ClientSide()];
    await DIALECTS[path]?.use((one) =>
      new CallRunner(deps).run(one, sentBody({ ...body, stream: true }), caller, side.connection()),
    );
    expect(world.problems).toEqual([]);
    const lastFrame = side.text.trim().split('\n\n').at(-1) ?? '';
    return { lastFrame, text: side.text, ended: (await world.recorded(caller.requestId)).at(-1) };
  }

  async function expectComplete(text: string): Promise<string> {
    const { lastFrame, ended, ...all } = await stream(text);
    expect(lastFrame).toContain(good);
    expect(ended).toMatchObject({
      type: 'InferenceCompleted',
      data: { outcome: 'complete', certainty: 'reported', usage: { input: 7, output: 3 } },
    });
    return all.text;
  }

  it.each([
    ['an event without data', 'data:\n\n'],
    ['an event with a blank', 'data: \n\n'],
    ['a named event without data', 'event: ping\ndata:\n\n'],
    ['a ping with text', 'event: ping\ndata: ping\n\n'],
    ['a ping with JSON', 'event: ping\ndata: {"type":"ping"}\n\n'],
    ['an unknown field', 'x-note: 1\n\n'],
    ['an id and a time to wait', 'id: 7\nretry: 100\n\n'],
    ['a comment between other line ends', ': still here\r\n\r\n: and here\r\r'],
  ])('goes on over %s, first and in the middle', async (_what, odd) => {
    const text = await expectComplete(odd + begin + word + odd + word + finish + odd + end);
    expect(text).not.toContain('x-note');
  });

  it('reads a byte order mark, every line end, and data over several lines', async () => {
    const lines = (begin + word + finish + end).replaceAll('{"id":"c",', '{"id":"c",\ndata: ');
    for (const eol of ['\n', '\r\n', '\r']) await expectComplete(`\ufeff${lines.replaceAll('\n', eol)}`);
  });

  it.each([
    ['nothing', ''],
    ['its own end', end],
    ["OpenAI's end, with blanks", 'data:  [DONE] \n\n'],
    ['a broken frame', 'data: {oops\n\n'],
    ['half a frame', 'data: {"id":'],
    ['a late error', data({ type: 'error', error: { message: 'late' } })],
    ['a named error', 'event: error\ndata: late\n\n'],
  ])('stays finished before %s', async (_what, odd) => {
    await expectComplete(begin + word + finish + odd);
  });

  it('that finished for a failure has failed, and is billed for what it had generated', async () => {
    const { lastFrame, ended } = await stream(begin + word + finish.replace(/"(stop|end_turn)"/, '"error"') + end);
    expect(lastFrame).toContain(failed);
    expect(ended).toMatchObject({
      type: 'InferenceUnresolved',
      data: { reason: 'garbage:failed-finish', counted: { usage: { input: 7, output: 3 } } },
    });
  });

  it("is cut before OpenAI's end alone", async () => {
    const { lastFrame, ended } = await stream(`${begin}${word}data: [DONE]\n\n`);
    expect(lastFrame).toContain(failed);
    expect(ended?.type).toBe('InferenceUnresolved');
  });

  it.each([
    ['an error', data({ type: 'error', error: { type: 'overloaded_error', message: 'busy' } })],
    ['a broken frame', 'data: {oops\n\n'],
    ['an end too early', ''],
  ])('ends with a failure before %s, and what the backend said of the input is on record', async (_what, odd) => {
    const { lastFrame, ended } = await stream(begin + word + odd);
    expect(lastFrame).toContain(failed);
    expect(lastFrame).not.toContain(good);
    const input =
      kind === 'anthropic' ? 7 : ended?.type === 'InferenceUnresolved' ? ended.data.counted?.usage.input : 0;
    expect(ended).toMatchObject({ type: 'InferenceUnresolved', data: { counted: { usage: { input, output: 1 } } } });
    expect(input).toBeGreaterThan(0);
  });
});
