import { DIALECTS } from '../dialects';
import { openAiChat } from '../dialects/openai-chat';
import { CallWorld, simulatedBackend, simulatedModel } from './spec-kit';

const BODY = { messages: [{ role: 'user', content: 'Hello?' }] };

async function recordOf(world: CallWorld) {
  const caller = world.caller();
  const side = await world.run(openAiChat, { model: 'chat', ...BODY }, caller);
  const end = (await world.recorded(caller.requestId)).at(-1);
  if (end?.type !== 'InferenceCompleted' && end?.type !== 'InferenceReleased') throw new Error('the call has no end');
  return { side, end, attempts: end.data.attempts.map(({ backendId, decision }) => ({ backendId, decision })) };
}

describe('a call whose only backend cannot be reached', () => {
  const backend = simulatedBackend('only');
  const route = { backendId: backend.id, upstreamModel: 'echo', weight: 1 };
  const worldOfOne = () =>
    new CallWorld({ models: [simulatedModel('chat', 'echo', { routes: [route] })], backends: [backend] });

  it('is sent again, under the same hold, and succeeds without its client noticing', async () => {
    const world = worldOfOne();
    world.failToConnect(2);
    const { side, end, attempts } = await recordOf(world);
    expect([side.status, end.type]).toEqual([200, 'InferenceCompleted']);
    expect(attempts).toEqual(Array.from({ length: 3 }, () => ({ backendId: backend.id, decision: 'primary' })));
    expect(world.dispatched).toBe(1);
  });

  it('is given up after three attempts, and nothing is charged', async () => {
    const world = worldOfOne();
    world.failToConnect(3);
    const { side, end, attempts } = await recordOf(world);
    expect([side.status, end.type, attempts.length]).toEqual([503, 'InferenceReleased', 3]);
    expect(world.dispatched).toBe(0);
  });
});

it('another backend is asked before one that could not be reached is asked again', async () => {
  const [first, second] = [simulatedBackend('first'), simulatedBackend('second')];
  const routes = [first, second].map(({ id }) => ({ backendId: id, upstreamModel: 'echo', weight: 1 }));
  const world = new CallWorld({ models: [simulatedModel('chat', 'echo', { routes })], backends: [first, second] });
  world.failToConnect(2);
  const { side, attempts } = await recordOf(world);
  expect(side.status).toBe(200);
  expect(attempts.slice(0, 2)).toEqual([
    { backendId: first.id, decision: 'primary' },
    { backendId: second.id, decision: 'failover' },
  ]);
  expect(attempts).toHaveLength(3);
});

it('a call that one backend has seen counts as sent, though the next one could not be reached', async () => {
  const [busy, gone] = [simulatedBackend('busy'), simulatedBackend('gone')];
  const routes = [
    { backendId: busy.id, upstreamModel: 'echo?errorStatus=429', weight: 1 },
    { backendId: gone.id, upstreamModel: 'echo?unreachable=true', weight: 1 },
  ];
  const models = [simulatedModel('chat', 'echo', { routes })];
  const world = new CallWorld({ models, backends: [busy, gone], settings: { attemptsMax: 2 } });
  const { end, attempts } = await recordOf(world);
  expect(attempts.map(({ backendId }) => backendId)).toEqual([busy.id, gone.id]);
  expect([end.type, 'dispatched' in end.data && end.data.dispatched]).toEqual(['InferenceReleased', true]);
});

describe('an overload of the first backend', () => {
  const body = (stream: boolean) => ({ model: 'chat', stream, ...BODY });

  function worldOf(setting: string, rest: Parameters<typeof simulatedBackend>[1] = { unbilledOverload: true }) {
    const [busy, spare] = [simulatedBackend('busy', rest), simulatedBackend('spare', rest)];
    const routes = [
      { backendId: busy.id, upstreamModel: `echo?${setting}`, weight: 1 },
      { backendId: spare.id, upstreamModel: 'echo', weight: 1 },
    ];
    return new CallWorld({ models: [simulatedModel('chat', 'echo', { routes })], backends: [busy, spare] });
  }

  const paths = ['/chat/completions', '/messages', '/responses', '/inference'];
  describe.each(paths.flatMap((path) => [false, true].map((stream) => [path, stream] as const)))(
    '%s, streamed: %s',
    (path, stream) => {
      const prompt = path === '/responses' ? { input: 'Hello?' } : { ...BODY, max_tokens: 100 };

      it.each(['errorStatus=529', 'errorStatus=503', 'errorStatus=500', ...(stream ? ['errorAtChunk=0'] : [])])(
        '%s: the next one answers, under the same hold',
        async (setting) => {
          const world = worldOf(setting);
          const caller = world.caller();
          const side = await DIALECTS[path]?.use((dialect) =>
            world.run(dialect, { model: 'chat', stream, ...prompt }, caller),
          );
          expect([side?.status, side?.headers['x-routing-backend']]).toEqual([200, 'spare']);
          expect(side?.text).not.toContain('simulated failure');
          const events = await world.recorded(caller.requestId);
          expect(events.map(({ type }) => type)).toEqual(['InferenceAuthorized', 'InferenceCompleted']);
          const [first, second] = events.flatMap(({ data }) => ('attempts' in data ? data.attempts : []));
          expect(first).toMatchObject({ backendId: 'bkd_busy', decision: 'primary' });
          expect(second).toMatchObject({ backendId: 'bkd_spare', decision: 'failover', status: 200 });
        },
      );
    },
  );

  it('an error in place of the output is noted with its attempt', async () => {
    const world = worldOf('errorAtChunk=0');
    const caller = world.caller();
    await world.run(openAiChat, body(true), caller);
    const [end] = (await world.recorded(caller.requestId)).slice(-1);
    expect(end?.data).toMatchObject({ attempts: [{ status: 200, error: 'backend-error:simulated' }, { status: 200 }] });
  });

  it.each(['errorStatus=529', 'errorAtChunk=0'])('%s of one that may bill it ends the call', async (setting) => {
    const world = worldOf(setting, { unbilledOverload: false });
    const side = await world.run(openAiChat, body(true), world.caller());
    expect([side.status, side.headers['x-should-retry']]).toEqual([502, 'false']);
    expect(world.dispatched).toBe(1);
  });

  it('once something was generated, the answer of another would be a second one', async () => {
    const world = worldOf('errorAtChunk=2');
    const caller = world.caller();
    const side = await world.run(openAiChat, body(true), caller);
    expect(side.text).toContain('"error"');
    expect(world.dispatched).toBe(1);
    expect((await world.recorded(caller.requestId)).at(-1)?.type).toBe('InferenceUnresolved');
  });
});
