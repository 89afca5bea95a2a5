import { anthropicMessages } from '../dialects/anthropic-messages';
import { CallWorld, simulatedBackend, simulatedModel } from './spec-kit';

/** Beta features change what a call costs, or do not: only those that do not go to a backend unasked. */

const BODY = { model: 'claude', max_tokens: 9, messages: [{ role: 'user', content: 'Hello' }] };
const anthropic = { betas: ['effort-2025-11-24', 'context-1m-2025-08-07'] };

async function leftOut(kind: 'anthropic' | 'openai', allowBetas: readonly string[]) {
  const backend = simulatedBackend('main', { kind, allowBetas });
  const world = new CallWorld({ models: [simulatedModel('claude', 'echo')], backends: [backend] });
  const side = await world.run(anthropicMessages, BODY, world.caller({ anthropic }));
  await world.close();
  return side.headers['x-anthropic-beta-left-out'];
}

it('says which beta features were left out', async () => {
  expect(await leftOut('anthropic', [])).toBe('context-1m-2025-08-07');
});

it('leaves none out that the operator allows, nor speaks of them where they mean nothing', async () => {
  expect(await leftOut('anthropic', ['context-1m-2025-08-07'])).toBeUndefined();
  expect(await leftOut('openai', [])).toBeUndefined();
});

it('does not give an answer again to who asks for other features', async () => {
  const world = new CallWorld({
    models: [simulatedModel('claude', 'echo')],
    backends: [simulatedBackend('main')],
    responseCache: { ttlSeconds: 60, hitPricePercent: 0 },
  });
  const ask = async (betas: readonly string[]) =>
    (await world.run(anthropicMessages, BODY, world.caller({ anthropic: { betas } }))).status;
  for (const betas of [[], [], ['effort-2025-11-24'], ['effort-2025-11-24']]) expect(await ask(betas)).toBe(200);
  expect(world.dispatched).toBe(2);
  await world.close();
});
