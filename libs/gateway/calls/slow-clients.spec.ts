import { setTimeout } from 'node:timers/promises';
import { openAiChat } from '../dialects/openai-chat';
import { CallWorld, ClientSide, simulatedModel } from './spec-kit';

/** Has its hands full once the last word has come, and never says that it has room again. */
class FullAtTheEnd extends ClientSide {
  override write(text: string): boolean {
    super.write(text);
    return !text.includes('"finish_reason":"stop"');
  }
}

it('the usage of a stream does not wait behind a client that reads slowly', async () => {
  const world = new CallWorld({ models: [simulatedModel('quick', 'echo')] });
  const caller = world.caller();
  const body = { model: 'quick', stream: true, messages: [{ role: 'user', content: 'Hello?' }] };
  const side = await world.run(openAiChat, body, caller, new FullAtTheEnd());
  expect(side.text).toContain('[DONE]');
  const [, ended] = await world.recorded(caller.requestId);
  expect(ended?.data).toMatchObject({ certainty: 'reported', outcome: 'complete' });
  await world.close();
});

it('a keyed call whose client has left and whose time is up: its key stays taken', async () => {
  const world = new CallWorld({
    models: [simulatedModel('stuck', 'echo?hang=true')],
    isKept: (upstreamModel) => upstreamModel.includes('hang'),
    settings: { callMsMax: 50 },
  });
  const caller = () => world.caller({ idempotencyKey: 'once' });
  const body = { model: 'stuck', stream: true, messages: [{ role: 'user', content: 'Hello?' }] };
  const side = await world.run(openAiChat, body, caller());
  side.leave();
  while (world.reports.length === 0) await setTimeout(5);
  expect(world.reports).toMatchObject([{ outcome: 'client-gone' }]);
  // The ledger itself remembers keys of charged calls for a minute.
  world.clock.pass(61_000);
  const repeat = await world.run(openAiChat, body, caller());
  expect([repeat.status, world.dispatched]).toEqual([409, 1]);
  await world.close();
});
