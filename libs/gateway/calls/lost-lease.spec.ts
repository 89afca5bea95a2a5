import { openAiChat } from '../dialects/openai-chat';
import { CallWorld, simulatedModel } from './spec-kit';

const BODY = { model: 'chat', messages: [{ role: 'user', content: 'Hello?' }] };

describe('a gateway that the others may take for dead', () => {
  it('sends no call to a backend: what was held is released, and the client may try again', async () => {
    const world = new CallWorld({ models: [simulatedModel('chat', 'm')] });
    world.isLeaseHeld = false;
    const caller = world.caller();
    const side = await world.run(openAiChat, BODY, caller);
    expect(world.dispatched).toBe(0);
    expect(side.status).toBe(503);
    const events = await world.recorded(caller.requestId);
    expect(events.map(({ type }) => type)).toEqual(['InferenceAuthorized', 'InferenceReleased']);
    expect(events[1]?.data).toMatchObject({ reason: 'lease-lost', dispatched: false });

    world.isLeaseHeld = true;
    expect((await world.run(openAiChat, BODY)).status).toBe(200);
    await world.close();
  });
});
