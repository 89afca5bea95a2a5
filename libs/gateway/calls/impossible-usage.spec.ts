import { openAiChat } from '../dialects/openai-chat';
import { CallWorld, simulatedModel } from './spec-kit';

const CAP = 5;
const BODY = { model: 'm', max_tokens: CAP, messages: [{ role: 'user', content: 'one two three four' }] };

async function charged(usage: string, stream: boolean) {
  // It holds its whole context, which says nothing about what a call of it reads.
  const world = new CallWorld({
    models: [simulatedModel('m', `echo?usage=${usage}`, { contextTokens: 100_000, boundWithdrawn: true })],
  });
  const caller = world.caller();
  await world.run(openAiChat, { ...BODY, stream }, caller);
  const events = await world.recorded(caller.requestId);
  await world.close();
  const completed = events.find(({ type }) => type === 'InferenceCompleted');
  return completed?.type === 'InferenceCompleted' ? completed.data : undefined;
}

it.each([false, true])(
  'an output beyond the cap is charged at the cap, beside the input that was reported with it (streamed: %s)',
  async (stream) => {
    const honest = await charged('reported', stream);
    const beyond = await charged('beyond-cap', stream);
    expect(honest?.certainty).toBe('reported');
    expect(beyond).toMatchObject({
      certainty: 'counted',
      excess: 0n,
      usage: { input: honest?.usage.input, output: CAP },
    });
  },
);
