import { openAiChat } from '../dialects/openai-chat';
import { authorizeCommand, planCall } from './plan';
import { CallWorld, PRICES, simulatedModel } from './spec-kit';

it('the ledger is asked with what is charged, and nothing else of the catalogue: another gateway may have to record it', async () => {
  const world = new CallWorld({ models: [simulatedModel('quick', 'echo')] });
  const parsed = openAiChat.parse({ model: 'quick', messages: [{ role: 'user', content: 'Hello' }] });
  if (!parsed.ok) throw new Error(parsed.refusal.message);
  const caller = world.caller();
  const planned = planCall(world.deps, openAiChat, parsed.request, caller);
  if (!planned.ok) throw new Error(planned.code);
  expect(authorizeCommand(world.deps, openAiChat, parsed.request, caller, planned.plan).prices).toEqual(PRICES);
  await world.close();
});
