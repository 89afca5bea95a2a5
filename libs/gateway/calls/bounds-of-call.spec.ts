import type { BackendKind } from '#inference/catalogue';
import { openAiChat } from '../dialects/openai-chat';
import { planCall } from './plan';
import { CallWorld, simulatedBackend, simulatedModel } from './spec-kit';

const TOOLS = [{ type: 'function', function: { name: 'now', parameters: { type: 'object' } } }];

async function planned(body: object, kind: BackendKind, bounds: object = {}) {
  const model = simulatedModel('m', 'echo', { contextTokens: 100_000 });
  const world = new CallWorld({
    models: [{ ...model, bounds: { ...model.bounds, ...bounds } }],
    backends: [simulatedBackend('main', { kind })],
  });
  const parsed = openAiChat.parse({ model: 'm', messages: [{ role: 'user', content: 'Hello' }], ...body });
  if (!parsed.ok) throw new Error(parsed.refusal.message);
  const result = planCall(world.deps, openAiChat, parsed.request, world.caller());
  await world.close();
  return result;
}

async function inputBound(body: object, kind: BackendKind): Promise<number> {
  const result = await planned(body, kind);
  if (!result.ok) throw new Error(result.code);
  return result.plan.bounds.inputTokensMax;
}

it('a request with tools holds what an Anthropic backend writes around them', async () => {
  const written = (await inputBound({ tools: TOOLS }, 'anthropic')) - (await inputBound({ tools: TOOLS }, 'openai'));
  expect(written).toBeGreaterThan(530);
  expect(await inputBound({}, 'anthropic')).toBe(await inputBound({}, 'openai'));
});

it('sound is refused until an operator has bounded it: its rate is not that of text', async () => {
  const sound = { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } };
  const body = { messages: [{ role: 'user', content: [sound] }] };
  expect(await planned(body, 'openai')).toMatchObject({ ok: false, code: 'unsupported_field' });
  expect(await planned(body, 'openai', { audioTokensMax: 3_000 })).toMatchObject({ ok: true });
});
