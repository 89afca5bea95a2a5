import type { CallId } from '#kernel';
import { LedgerWorld, submit } from '#testing/simulation';
import { authorize, call, defineBudget, key, MINUTE_MS, model, project, SECOND_MS, team } from '../spec-kit';
import { COUNTED_CALL_IDS_MAX } from './refusal-counter';

async function aWorld() {
  const world = new LedgerWorld();
  const service = world.service();
  await service.start();
  submit(service, world.org, defineBudget('b', { limit: 0n }));
  await world.time.pass(1);
  return {
    world,
    service,
    refuse: (name: string, options = {}) => submit(service, world.org, authorize(name, options)),
    refusals: async () =>
      (await world.stored()).flatMap(({ id, type, body }) =>
        type === 'InferenceRefused' || type === 'RefusalsCounted'
          ? [{ id, type, data: (JSON.parse(Buffer.from(body).toString()) as { data: Record<string, unknown> }).data }]
          : [],
      ),
  };
}

describe('refusals of one kind', () => {
  it('are the first one’s event, and one event that counts the others', async () => {
    const { world, refusals, refuse } = await aWorld();
    const answers = ['1', '2', '3'].map((name) => refuse(name));
    await world.time.pass(SECOND_MS);
    const appends = world.appends;
    const later = refuse('4');
    await world.time.pass(SECOND_MS);
    expect(world.appends).toBe(appends);
    await world.time.pass(10 * SECOND_MS);
    const recorded = await refusals();
    expect(recorded.map(({ type }) => type)).toEqual(['InferenceRefused', 'RefusalsCounted']);
    expect(recorded[1]?.data).toMatchObject({ count: 3, callIds: ['2', '3', '4'].map(call), code: 'budget_exhausted' });
    // Every answer named the event that records it, before that event was there.
    expect([...answers, later].map(({ eventId }) => eventId)).toEqual([
      recorded[0]?.id,
      recorded[1]?.id,
      recorded[1]?.id,
      recorded[1]?.id,
    ]);
  });

  it('name at most so many calls, and count all', async () => {
    const { world, refusals, refuse } = await aWorld();
    for (let i = 0; i <= 100; i += 1) refuse(`${i}`);
    await world.time.pass(11 * SECOND_MS);
    const { count, callIds } = (await refusals())[1]?.data ?? {};
    expect([count, (callIds as CallId[]).length]).toEqual([100, COUNTED_CALL_IDS_MAX]);
  });

  it('are one event per ten seconds as long as they go on', async () => {
    const { world, refusals, refuse } = await aWorld();
    for (let i = 0; i < 60; i += 1) {
      refuse(`${i}`);
      await world.time.pass(500);
    }
    await world.time.pass(20 * SECOND_MS);
    const recorded = await refusals();
    expect(recorded.length).toBeLessThanOrEqual(5);
    const counts = recorded.map(({ data }) => (data.count as number | undefined) ?? 1);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(60);
  });

  it('carry their team, and each its own time', async () => {
    const { world, service, refusals, refuse } = await aWorld();
    submit(service, world.org, { type: 'AssignProject', projectId: project('a'), teamId: team('a') });
    await world.time.pass(1);
    const from = world.time.now();
    refuse('1');
    await world.time.pass(3 * SECOND_MS);
    refuse('2');
    await world.time.pass(4 * SECOND_MS);
    refuse('3');
    await world.time.pass(5 * SECOND_MS);
    const [first, counted] = await refusals();
    expect(first?.data).toMatchObject({ teamId: team('a') });
    expect(counted?.data).toMatchObject({
      teamId: team('a'),
      callIds: [call('2'), call('3')],
      times: [from + 3 * SECOND_MS, from + 7 * SECOND_MS],
    });
  });

  it('are counted by the quarter of an hour in which they were refused, also where a window reaches over its end', async () => {
    const { world, refusals, refuse } = await aWorld();
    const quarter = 15 * MINUTE_MS;
    await world.time.pass(quarter - (world.time.now() % quarter) - 2 * SECOND_MS);
    ['1', '2'].map((name) => refuse(name));
    await world.time.pass(3 * SECOND_MS);
    ['3', '4'].map((name) => refuse(name));
    await world.time.pass(9 * SECOND_MS);
    const [, before, after] = await refusals();
    expect([before?.data.callIds, after?.data.callIds]).toEqual([[call('2')], [call('3'), call('4')]]);
    const quarters = [before, after].map((one) => {
      const [at = 0] = (one?.data.times ?? []) as readonly number[];
      return Math.floor(at / quarter);
    });
    expect(quarters[1]).toBe((quarters[0] ?? 0) + 1);
  });

  it('survive an outage under the ids that were given out', async () => {
    const { world, refusals, refuse } = await aWorld();
    refuse('1');
    const second = refuse('2');
    await world.time.pass(SECOND_MS);
    world.isDown = true;
    await world.time.pass(MINUTE_MS);
    world.isDown = false;
    await world.time.pass(5 * SECOND_MS);
    const recorded = await refusals();
    expect(recorded.map(({ id }) => id)).toContain(second.eventId);
    expect(recorded).toHaveLength(2);
  });

  it('are written down when the process stops', async () => {
    const { world, service, refusals, refuse } = await aWorld();
    ['1', '2'].map((name) => refuse(name));
    await world.time.pass(1);
    const stopped = service.stop();
    await world.time.pass(1);
    await stopped;
    expect((await refusals()).map(({ type }) => type)).toEqual(['InferenceRefused', 'RefusalsCounted']);
  });

  it('from before the ledger are counted alike', async () => {
    const { world, service, refusals } = await aWorld();
    const unknown = (name: string) =>
      submit(service, world.org, {
        type: 'RecordRefusal',
        callId: call(name),
        keyId: key('a'),
        projectId: project('a'),
        model: model('gpt-9'),
        endpoint: 'chat',
        code: 'model_not_found',
      });
    const answers = ['1', '2', '3'].map(unknown);
    await world.time.pass(11 * SECOND_MS);
    const recorded = await refusals();
    expect(recorded.map(({ data }) => data.count)).toEqual([undefined, 2]);
    expect(answers.map(({ eventId }) => eventId)).toEqual([recorded[0]?.id, recorded[1]?.id, recorded[1]?.id]);
  });

  it('of commands that only a bug can send are not counted', async () => {
    const { world, refusals, refuse } = await aWorld();
    refuse('1', { holdMs: 0.5 });
    refuse('2', { clientRequestId: '\ud800', ceiling: 0n });
    await world.time.pass(11 * SECOND_MS);
    expect(await refusals()).toEqual([]);
  });
});
