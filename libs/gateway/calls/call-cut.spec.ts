import { setImmediate } from 'node:timers/promises';
import { DIALECTS } from '../dialects';
import { openAiChat } from '../dialects/openai-chat';
import { CallCut } from './call-cut';
import type { Caller } from './caller';
import { CallWorld, ClientSide, simulatedModel } from './spec-kit';

const HELLO = [{ role: 'user', content: 'one two three four' }];
const BODIES: readonly (readonly [string, object, string])[] = [
  ['/chat/completions', { messages: HELLO }, '"error":{'],
  ['/completions', { prompt: 'one two three four', model: 'text' }, '"error":{'],
  ['/responses', { input: 'one two three four' }, '"type":"response.failed"'],
  ['/messages', { messages: HELLO, max_tokens: 20 }, '"type":"error"'],
  ['/inference', { prompt: 'one two three four' }, '"error":{'],
];

describe('CallCut', () => {
  it('ends what is under way and what begins afterwards, once, and not what was forgotten', () => {
    const [cut, ended] = [new CallCut(), [] as string[]];
    cut.onCut(() => ended.push('running'));
    cut.onCut(() => ended.push('over'))();
    expect(cut.isCut).toBe(false);
    cut.cut();
    cut.cut();
    cut.onCut(() => ended.push('late'));
    expect([cut.isCut, ended]).toEqual([true, ['running', 'late']]);
  });
});

describe('what is cut when the platform stops is its own doing, not the client', () => {
  let world: CallWorld;
  beforeEach(() => {
    world = new CallWorld({
      models: [
        simulatedModel('chat', 'echo?hangAtChunk=2'),
        simulatedModel('text', 'echo?hangAtChunk=2', { kind: 'completion' }),
        simulatedModel('silent', 'echo?hang=true'),
        simulatedModel('silent-text', 'echo?hang=true', { kind: 'completion' }),
        simulatedModel('reasoner', 'echo?hangAtChunk=2', { hiddenReasoning: true }),
      ],
      isKept: () => true,
    });
  });
  afterEach(() => world.close());

  /** Cuts the call once it is under way: for a stream, once something of it has come. */
  async function cut(path: string, body: object, rest: Partial<Caller> = {}, awaitsText = true) {
    const [caller, side] = [world.caller(rest), new ClientSide()];
    await DIALECTS[path]?.use((one) => world.run(one, { model: 'chat', ...body }, caller, side));
    while (awaitsText && side.text === '') await setImmediate();
    world.deps.cut.cut();
    while (world.reports.length === 0) await setImmediate();
    expect(world.problems).toEqual([]);
    return { side, ended: (await world.recorded(caller.requestId)).at(-1), report: world.reports[0] };
  }

  it.each(BODIES)(
    'a stream of %s ends with an error of its dialect, and what was seen is charged',
    async (...given) => {
      const [path, body, last] = given;
      const { side, ended, report } = await cut(path, { ...body, stream: true });
      const lastFrame = side.text.trim().split('\n\n').at(-1) ?? '';
      expect(lastFrame).toContain(last);
      expect(lastFrame).toContain('platform_stopped');
      expect(side.writableEnded).toBe(true);
      expect(ended).toMatchObject({
        type: 'InferenceCompleted',
        data: { outcome: 'interrupted', reason: 'platform-stopped', certainty: 'counted' },
      });
      expect(report).toMatchObject({ outcome: 'platform-stopped', code: 'platform_stopped' });
    },
  );

  it.each(BODIES)('an unstreamed call to %s is answered with 503, and counts at the ceiling', async (path, body) => {
    const { side, ended, report } = await cut(
      path,
      { ...body, model: 'model' in body ? 'silent-text' : 'silent' },
      {},
      false,
    );
    expect([side.status, side.headers['x-should-retry']]).toEqual([503, 'false']);
    expect(side.text).toContain('"platform_stopped"');
    expect(ended).toMatchObject({ type: 'InferenceUnresolved', data: { reason: 'platform-stopped' } });
    expect(report).toMatchObject({ outcome: 'platform-stopped', status: 503 });
  });

  it('a stream of a model that reasons invisibly says too little to be charged', async () => {
    const { ended } = await cut('/chat/completions', { messages: HELLO, stream: true, model: 'reasoner' });
    expect(ended).toMatchObject({ type: 'InferenceUnresolved', data: { reason: 'platform-stopped', counted: {} } });
  });

  it('a stream of which nothing has come gets a status of its own', async () => {
    const { side, ended } = await cut('/messages', { ...BODIES[3]?.[1], stream: true, model: 'silent' }, {}, false);
    expect(side.status).toBe(503);
    expect(ended).toMatchObject({ type: 'InferenceCompleted', data: { outcome: 'interrupted', usage: { output: 0 } } });
  });

  it('a keyed call whose client has gone is ended as well, and its key stays taken', async () => {
    const rest = { idempotencyKey: 'once' };
    const [caller, side] = [world.caller(rest), new ClientSide()];
    await world.run(openAiChat, { model: 'silent', messages: HELLO }, caller, side);
    side.leave();
    world.deps.cut.cut();
    while (world.reports.length === 0) await setImmediate();
    expect((await world.recorded(caller.requestId)).at(-1)?.data).toMatchObject({ reason: 'platform-stopped' });
    const repeat = await world.run(openAiChat, { model: 'silent', messages: HELLO }, world.caller(rest));
    expect(repeat.status).toBe(409);
  });

  it('a call that was not yet sent is released, and may be sent to another gateway', async () => {
    world.deps.cut.cut();
    const caller = world.caller();
    const side = await world.run(openAiChat, { model: 'chat', messages: HELLO }, caller);
    expect([side.status, side.headers['x-should-retry'], world.dispatched]).toEqual([503, 'true', 0]);
    expect((await world.recorded(caller.requestId)).at(-1)).toMatchObject({
      type: 'InferenceReleased',
      data: { reason: 'platform-stopped-before-dispatch', dispatched: false },
    });
  });
});
