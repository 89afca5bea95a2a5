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
