import { setImmediate } from 'node:timers/promises';
import type { ModelId, OrganizationId } from '#kernel';
import { openAiChat } from '../dialects/openai-chat';
import { CallWorld, ORG, simulatedBackend, simulatedModel } from './spec-kit';

const CIRCUIT = { failuresMax: 3, openMs: 10_000 };
const BODY = { messages: [{ role: 'user', content: 'one two three four' }] };

function worldOf(setting: string): CallWorld {
  const broken = simulatedBackend('broken', { timeouts: { connectMs: 1_000, firstByteMs: 20, idleMs: 20 } });
  const spare = simulatedBackend('spare');
  return new CallWorld({
    models: [
      simulatedModel('routed', 'echo', {
        routes: [
          { backendId: broken.id, upstreamModel: `echo?${setting}`, weight: 1 },
          { backendId: spare.id, upstreamModel: 'echo', weight: 1 },
        ],
      }),
    ],
    backends: [broken, spare],
    circuit: CIRCUIT,
  });
}

describe('a backend that begins its answers and breaks every one of them', () => {
  it.each([
    ['garbage=true', false],
    ['garbage=true', true],
    ['cutAtChunk=1', true],
    ['errorAtChunk=1', true],
    ['hangAtChunk=1', true],
  ])('%s, streamed: %s, is left alone like one that does not answer', async (setting, stream) => {
    const world = worldOf(setting);
    const served = async () => {
      const side = await world.run(openAiChat, { model: 'routed', stream, ...BODY });
      return side.status === 200 && !side.text.includes('"error"');
    };
    const fates: boolean[] = [];
    for (let i = 0; i < CIRCUIT.failuresMax; i += 1) fates.push(await served());
    expect(fates).toEqual([false, false, false]);
    expect(world.deps.router.statuses()).toMatchObject([
      { name: 'broken', circuit: 'closed', ownCircuits: [{ orgId: ORG, model: 'routed', circuit: 'open' }] },
      { name: 'spare', ownCircuits: [] },
    ]);
    expect(await served()).toBe(true);

    // Its trial breaks as well, and that closes nothing.
    world.clock.pass(CIRCUIT.openMs);
    expect(await served()).toBe(false);
    expect(await served()).toBe(true);
    await world.close();
  });
});

describe('five errors that one tenant provokes', () => {
  const OTHER = 'org_b' as OrganizationId;
  const backend = simulatedBackend('main', { unbilledOverload: true });
  const routes = (upstreamModel: string) => [{ backendId: backend.id, upstreamModel, weight: 1 }];
  const worldOf = (setting: string) =>
    new CallWorld({
      models: [
        simulatedModel('poisoned', 'echo', { routes: routes(`echo?${setting}`) }),
        simulatedModel('quick', 'echo', { routes: routes('echo') }),
      ],
      backends: [backend],
      circuit: CIRCUIT,
    });

  it.each(['errorStatus=500', 'errorStatus=502', 'errorAtChunk=0', 'garbage=true'])(
    '%s: shut no backend for others, nor for its own other models',
    async (setting) => {
      const world = worldOf(setting);
      const ask = async (model: string, orgId = ORG) =>
        (await world.run(openAiChat, { model, stream: true, ...BODY }, world.caller({ orgId }))).status;
      for (let i = 0; i < CIRCUIT.failuresMax + 2; i += 1) await ask('poisoned');
      const sent = world.dispatched;
      expect(await ask('poisoned')).toBe(503);
      expect(world.dispatched).toBe(sent);
      expect(await ask('quick')).toBe(200);
      expect(await ask('quick', OTHER)).toBe(200);
      await ask('poisoned', OTHER);
      expect(world.dispatched).toBe(sent + 3);
      await world.close();
    },
  );
});

it('a backend that is back is given calls while its first one still streams', async () => {
  const backend = simulatedBackend('main');
  const routes = (upstreamModel: string) => [{ backendId: backend.id, upstreamModel, weight: 1 }];
  const world = new CallWorld({
    models: [
      simulatedModel('long', 'echo', { routes: routes('echo?hangAtChunk=2') }),
      simulatedModel('quick', 'echo', { routes: routes('echo') }),
    ],
    backends: [backend],
    isKept: (upstreamModel) => upstreamModel.includes('hang'),
    circuit: CIRCUIT,
  });
  const place = { backendId: backend.id, orgId: ORG, model: 'quick' as ModelId };
  for (let i = 0; i < CIRCUIT.failuresMax; i += 1) world.deps.router.unreachable(place, 'spec');
  const ask = (model: string) => world.run(openAiChat, { model, stream: true, ...BODY });
  expect((await ask('quick')).status).toBe(503);
  world.clock.pass(CIRCUIT.openMs);
  const first = await ask('long');
  while (first.text === '') await setImmediate();
  expect((await ask('quick')).text).toContain('[DONE]');
  await world.close();
});

it('a stream that the platform itself cannot bring to its end says so, and does not end as if it were whole', async () => {
  const world = new CallWorld({ models: [simulatedModel('quick', 'echo')] });
  const caller = world.caller({ idempotencyKey: 'once' });
  const disk = new Error('the disk is full');
  jest.spyOn(world.deps.keyedAnswers, 'keep').mockRejectedValue(disk);
  const side = await world.run(openAiChat, { model: 'quick', stream: true, ...BODY }, caller);
  expect(side.text).toContain('"content":"one"');
  expect(side.text).toContain('"code":"internal_error"');
  expect(side.text).not.toContain('[DONE]');
  expect(side.writableEnded).toBe(true);
  expect(world.problems).toEqual([disk]);
  expect(world.reports).toMatchObject([{ code: 'internal_error' }]);
  await world.close();
});

it('a kept answer that cannot be read now is not called lost: the client may ask again', async () => {
  const world = new CallWorld({ models: [simulatedModel('quick', 'echo')] });
  const ask = () => world.run(openAiChat, { model: 'quick', ...BODY }, world.caller({ idempotencyKey: 'once' }));
  await ask();
  const broken = jest.spyOn(world.deps.keyedAnswers, 'find').mockRejectedValueOnce(new Error('the disk is gone'));
  const side = await ask();
  expect([side.status, side.headers['x-should-retry']]).toEqual([503, 'true']);
  expect(side.text).toContain('"idempotency_unavailable"');
  expect((await ask()).headers['idempotent-replayed']).toBe('true');
  broken.mockRestore();
  await world.close();
});

it('a replayed answer has its line in the log', async () => {
  const world = new CallWorld({ models: [simulatedModel('quick', 'echo')] });
  const ask = () => world.run(openAiChat, { model: 'quick', ...BODY }, world.caller({ idempotencyKey: 'once' }));
  await ask();
  expect((await ask()).headers['idempotent-replayed']).toBe('true');
  expect(world.reports.map(({ outcome, status }) => [outcome, status])).toEqual([
    ['complete', 200],
    ['replayed', 200],
  ]);
  await world.close();
});
