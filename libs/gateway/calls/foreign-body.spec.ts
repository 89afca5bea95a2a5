import { type BackendClient, redactorOf, type UpstreamBody, type UpstreamResponse } from '#inference/backends';
import { DIALECTS } from '../dialects';
import { CallRunner } from './call-runner';
import type { CallDependencies } from './ports';
import { CallWorld, ClientSide, sentBody, simulatedModel } from './spec-kit';

const CREDENTIAL = 'sk-secret-0123456789';
const PAGE = '<!DOCTYPE html>\n<title>Log in</title>\n';
const MESSAGES = [{ role: 'user', content: 'Hello?' }];
/** Every dialect that streams. */
const BODIES: readonly (readonly [string, object])[] = [
  ['/chat/completions', { model: 'chat', messages: MESSAGES }],
  ['/completions', { model: 'text', prompt: 'Hello?' }],
  ['/responses', { model: 'chat', input: 'Hello?' }],
  ['/messages', { model: 'chat', messages: MESSAGES, max_tokens: 20 }],
  ['/inference', { model: 'chat', prompt: 'Hello?' }],
];
const MODELS = [simulatedModel('chat', 'm'), simulatedModel('text', 'm', { kind: 'completion' })];

/** A body of these chunks, which then ends, or stays open for ever. */
function bodyOf(chunks: readonly string[], ends: boolean): UpstreamBody {
  let isDiscarded = false;
  const discard = () => {
    isDiscarded = true;
  };
  return {
    pipe(sink) {
      for (const chunk of chunks) if (!isDiscarded) sink.onChunk(Buffer.from(chunk));
      if (ends && !isDiscarded) sink.onEnd();
    },
    resume: () => undefined,
    discard,
    release: discard,
  };
}

interface Said {
  readonly chunks: readonly string[];
  readonly contentType?: string;
  /** Otherwise it stays open. */
  readonly ends?: boolean;
  readonly after?: Promise<void>;
}

function saying({ chunks, contentType = 'text/html', ends = true, after }: Said): BackendClient {
  return {
    async open(): Promise<UpstreamResponse> {
      await after;
      const redact = redactorOf(CREDENTIAL);
      return { kind: 'answer', status: 200, headers: { contentType }, body: bodyOf(chunks, ends), redact };
    },
    close: () => Promise.resolve(),
  };
}

describe.each(BODIES)('in place of the stream of %s', (path, body) => {
  let world: CallWorld;
  beforeEach(() => {
    world = new CallWorld({ models: MODELS });
  });
  afterEach(() => world.close());

  async function stream(said: Said, side = new ClientSide(), settings: Partial<CallDependencies['settings']> = {}) {
    const deps: CallDependencies = {
      ...world.deps,
      backendClient: () => saying(said),
      settings: { ...world.deps.settings, answerBytesMax: 64 * 1024, ...settings },
    };
    const caller = world.caller();
    await DIALECTS[path]?.use((one) =>
      new CallRunner(deps).run(one, sentBody({ ...body, stream: true }), caller, side.connection()),
    );
    expect(world.problems).toEqual([]);
    return { side, events: await world.recorded(caller.requestId) };
  }

  it.each<[string, Said]>([
    ['a page', { chunks: [PAGE] }],
    ['a page without a label of its own', { chunks: [PAGE], contentType: 'text/event-stream' }],
    ['a page in pieces', { chunks: [...PAGE] }],
    ['a page that never ends', { chunks: [PAGE], ends: false }],
    ['some words', { chunks: ['upstream connect error\n'], contentType: 'text/plain' }],
    ['JSON that is no error', { chunks: ['{"hello":', '"world"}'], contentType: 'application/json' }],
    ['JSON without an end', { chunks: [`{"a":"${'x'.repeat(70_000)}`], ends: false }],
  ])('%s is garbage, told with a status of its own', async (_what, said) => {
    const { side, events } = await stream(said);
    expect(side.status).toBe(502);
    expect(side.headers).toMatchObject({ 'x-should-retry': 'false' });
    expect(side.text).toContain('"backend_invalid_answer"');
    expect(() => JSON.parse(side.text) as unknown).not.toThrow();
    expect(events.at(-1)).toMatchObject({ type: 'InferenceUnresolved', data: { reason: 'garbage:not-a-stream' } });
  });

  it('a whole answer is given as the stream that was wanted', async () => {
    const usage = { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 };
    const message = { role: 'assistant', content: 'Hi there' };
    const answer = { id: 'c', choices: [{ index: 0, message, finish_reason: 'stop' }], usage };
    const text = JSON.stringify(answer);
    const { side, events } = await stream({
      chunks: [text.slice(0, 20), text.slice(20)],
      contentType: 'application/json',
    });
    // Completions have no form in which one is made from the other.
    if (path === '/completions') {
      expect([side.status, events.at(-1)?.type]).toEqual([502, 'InferenceUnresolved']);
      return;
    }
    expect(side.status).toBe(200);
    expect(side.headers).toMatchObject({ 'content-type': expect.stringContaining('text/event-stream') });
    expect(side.text).toContain('Hi there');
    expect(side.text).toMatch(/\[DONE\]|message_stop|response\.completed/);
    expect(events.at(-1)).toMatchObject({
      type: 'InferenceCompleted',
      data: { certainty: 'reported', usage: { input: 5, output: 2 } },
    });
  });

  it("an error's JSON is the backend's error", async () => {
    const error = { error: { message: 'Overloaded', type: 'overloaded_error' } };
    const text = JSON.stringify(error);
    const { side, events } = await stream({
      chunks: [text.slice(0, 9), text.slice(9)],
      contentType: 'application/json',
    });
    expect(side.status).toBe(502);
    expect(side.text).toContain('"backend_failed"');
    expect(events.at(-1)).toMatchObject({
      type: 'InferenceUnresolved',
      data: { reason: 'backend-error:overloaded_error' },
    });
  });

  it.each([
    ['JSON', (error: object) => JSON.stringify({ error })],
    ['a frame', (error: object) => `data: ${JSON.stringify({ error, type: 'error' })}\n\n`],
  ])("an error's %s gives no credential away, neither to the client nor to the record", async (_what, write) => {
    const error = { message: `Bearer ${CREDENTIAL}`, type: CREDENTIAL, code: '400' };
    const { side, events } = await stream({ chunks: [write(error)], contentType: 'application/json' });
    expect(side.status).toBeGreaterThanOrEqual(400);
    expect(side.text + JSON.stringify(events, (_key, value) => String(value))).not.toContain('secret-0');
    expect(JSON.stringify(world.deps.router.statuses())).not.toContain('secret-0');
  });

  it('after signs of life have committed the status, it is one error frame (of a response its last event, too)', async () => {
    const side = new ClientSide();
    const after = new Promise<void>((begun) => {
      side.writeHead = (...head) => {
        ClientSide.prototype.writeHead.apply(side, head);
        begun();
      };
    });
    const { events } = await stream({ chunks: [PAGE], after }, side, { keepAliveMs: 1 });
    expect(side.status).toBe(200);
    const told = side.text
      .split('\n')
      .filter((line) => line.startsWith('data:') && line.includes('backend_invalid_answer'));
    expect(told).toHaveLength(path === '/responses' ? 2 : 1);
    expect(side.text).not.toContain('[DONE]');
    expect(events.at(-1)?.type).toBe('InferenceUnresolved');
  });
});

it('a stream under a wrong label is a stream', async () => {
  const world = new CallWorld({ models: MODELS });
  const chunk = { id: 'c', choices: [{ index: 0, delta: { content: 'Hi' }, finish_reason: 'stop' }] };
  const said = saying({ chunks: [`data: ${JSON.stringify(chunk)}\n\n`, 'data: [DONE]\n\n'] });
  const side = new ClientSide();
  const caller = world.caller();
  const body = { model: 'chat', messages: MESSAGES, stream: true };
  await DIALECTS['/chat/completions']?.use((one) =>
    new CallRunner({ ...world.deps, backendClient: () => said }).run(one, sentBody(body), caller, side.connection()),
  );
  expect(side).toMatchObject({ status: 200, text: expect.stringMatching(/Hi.*\[DONE\]/s) });
  expect((await world.recorded(caller.requestId)).at(-1)?.type).toBe('InferenceCompleted');
  await world.close();
});
