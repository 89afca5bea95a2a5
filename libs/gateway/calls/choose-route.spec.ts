import type { Backend, Model } from '#inference/catalogue';
import { openAiChat } from '../dialects/openai-chat';
import type { Caller } from './caller';
import { CallWorld, type ClientSide, simulatedBackend, simulatedModel } from './spec-kit';

/** A model that stands on backends of two kinds; the first one is drawn first. */

const CLAUDE = simulatedBackend('claude', { kind: 'anthropic' });
const GPT = simulatedBackend('gpt');
const BOTH: readonly Backend[] = [CLAUDE, GPT];
const ROUTES = BOTH.map(({ id }) => ({ backendId: id, upstreamModel: 'echo', weight: 1 }));
const ONLY_GPT = { model: 'mixed', messages: [{ role: 'user', content: 'Hello' }], n: 2 };

async function ask(model: Partial<Model>, backends: readonly Backend[], rest: Partial<Caller> = {}) {
  const world = new CallWorld({ models: [simulatedModel('mixed', 'echo', { routes: ROUTES, ...model })], backends });
  const side = await world.run(openAiChat, ONLY_GPT, world.caller(rest));
  await world.close();
  return side;
}

function codeOf({ text }: ClientSide): unknown {
  return (JSON.parse(text) as { error: { code: string } }).error.code;
}

it('a request that means nothing to the backend that was drawn goes to one to which it does', async () => {
  const side = await ask({}, BOTH);
  expect([side.status, side.headers['x-routing-backend'], side.headers['x-routing-decision']]).toEqual([
    200,
    'gpt',
    'primary',
  ]);
});

it('waits for that one where it is away: the request itself is no mistake', async () => {
  const side = await ask({}, [CLAUDE, { ...GPT, service: 'out-of-service' }]);
  expect([side.status, codeOf(side)]).toEqual([503, 'backend_unavailable']);
});

it.each([
  ['no other route', { routes: ROUTES.slice(0, 1) }, {}],
  ['no other route that is open', { routes: ROUTES.map((route, at) => ({ ...route, closed: at === 1 })) }, {}],
  ['the backend was named', {}, { routing: { onlyBackend: 'claude' } }],
] as const)('is refused by name where %s', async (_what, model, rest) => {
  const side = await ask(model, BOTH, rest);
  expect([side.status, codeOf(side)]).toEqual([400, 'unsupported_field']);
});

it('goes on to another after a failure only where it means the same', async () => {
  const down = simulatedBackend('down', { unbilledServerErrors: true });
  const world = new CallWorld({
    models: [
      simulatedModel('mixed', 'echo', {
        routes: [{ backendId: down.id, upstreamModel: 'echo?errorStatus=500', weight: 1 }, ...ROUTES],
      }),
    ],
    backends: [down, ...BOTH],
  });
  const side = await world.run(openAiChat, ONLY_GPT);
  expect([side.headers['x-routing-backend'], side.headers['x-routing-decision']]).toEqual(['gpt', 'failover']);
  await world.close();
});
