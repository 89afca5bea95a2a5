import { usd } from '#kernel';
import { FAR_AWAY, NEAR, twoGateways } from '#testing/simulation';
import { authorize, boot, call, complete, defineBudget, key, release, SECOND_MS, setLimits } from '../spec-kit';

const mine = { owner: FAR_AWAY };

describe('gateways that write one ledger', () => {
  it('lose no command to a conflict, and write their names on what they record', async () => {
    const { world, toNear, toFar, gateways } = twoGateways();
    const asked = Array.from({ length: 10 }, (_, i) =>
      i % 2 === 0 ? toNear(authorize(`${i}`)) : toFar(authorize(`${i}`)),
    );
    await world.time.pass(SECOND_MS);
    expect(asked.map(({ answer }) => answer)).toEqual(Array.from({ length: 10 }, () => 'accepted'));
    const written = await gateways();
    expect(written).toHaveLength(10);
    expect(new Set(written.map(([, gateway]) => gateway))).toEqual(new Set([NEAR, FAR_AWAY]));
  });

  it('name themselves on carries too, so that a loser knows whom to ask whatever was written last', async () => {
    const { world, toNear, gateways } = twoGateways({ settings: { carryEveryEvents: 1 } });
    toNear(defineBudget('b'));
    await world.time.pass(1);
    expect(await gateways()).toEqual([
      ['BudgetDefined', NEAR],
      ['CarryRecorded', NEAR],
    ]);
  });

  it('read what the other one has recorded before they were asked', async () => {
    const { world, near, far, toFar } = twoGateways();
    await near.read(world.org);
    toFar(authorize('1'));
    await world.time.pass(SECOND_MS);
    expect((await near.read(world.org)).holds.has(call('1'))).toBe(true);
    expect(await near.position(world.org)).toBe(await far.position(world.org));
  });
});

describe('a refusal that nothing is recorded for', () => {
  it('is not answered from what the other gateway has changed: a budget that it has freed admits', async () => {
    const { world, toNear, toFar } = twoGateways();
    toNear(defineBudget('b', { limit: usd('0.01') }));
    await world.time.pass(1);
    toNear(authorize('1'));
    await world.time.pass(1);
    // The first refusal of its kind is an event; only the second one would be answered without any.
    const first = toFar(authorize('2'));
    await world.time.pass(SECOND_MS);
    toNear(release('1'));
    await world.time.pass(1);
    const second = toFar(authorize('3'));
    await world.time.pass(SECOND_MS);
    expect([first.answer, second.answer]).toEqual(['budget_contended', 'accepted']);
  });

  it('nor is an admission: a bar that the other gateway has put up refuses', async () => {
    const { world, toNear, toFar } = twoGateways();
    const first = toFar(authorize('1'));
    await world.time.pass(SECOND_MS);
    toNear({ type: 'BarSubject', subject: { type: 'api-key', id: key('a') }, reason: 'stolen' });
    await world.time.pass(1);
    const second = toFar(authorize('2'));
    await world.time.pass(SECOND_MS);
    expect([first.answer, second.answer]).toEqual(['accepted', 'api_key_revoked']);
  });

  it('is an answer of the other one: nothing to settle is said only after a fresh read', async () => {
    const { world, toNear, toFar } = twoGateways();
    const unknown = toFar(complete('1', usd('0')));
    await world.time.pass(1);
    toNear(authorize('1'));
    await world.time.pass(1);
    const known = toFar(complete('1', usd('0')));
    await world.time.pass(SECOND_MS);
    expect([unknown.answer, known.answer]).toEqual(['call_not_found', 'accepted']);
  });
});

describe('a call that waits for others', () => {
  it.each([
    ['concurrency_limit_exceeded', [setLimits({ concurrency: 1 }), authorize('1')]],
    ['budget_contended', [defineBudget('b', { limit: usd('0.01') }), authorize('1')]],
  ] as const)('%s: is admitted when they end on another gateway', async (code, setUp) => {
    const { world, toNear, toFar } = twoGateways();
    for (const command of setUp) {
      toNear(command);
      await world.time.pass(1);
    }
    const waiting = toFar(authorize('2'), { waitMs: { [code]: 5 * SECOND_MS } });
    await world.time.pass(SECOND_MS);
    expect(waiting.answer).toBeUndefined();
    toNear(release('1'));
    await world.time.pass(200);
    expect(waiting.answer).toBe('accepted');
  });
});

describe('after two lost rounds', () => {
  it('commands go to the winner and come back with their events, the state and the position', async () => {
    const { world, toFar, farLosesTwice, gateways } = twoGateways();
    const asked = toFar(authorize('1', mine));
    await farLosesTwice();
    await world.time.pass(1);
    const outcome = asked.outcome?.ok === true ? asked.outcome : undefined;
    expect(outcome?.events.map(({ event }) => event.type)).toEqual(['InferenceAuthorized']);
    expect(outcome?.state.holds.has(call('1'))).toBe(true);
    const recorded = (await world.stored()).at(-1);
    expect([outcome?.position, outcome?.events[0]?.id]).toEqual([recorded?.position, recorded?.id]);
    expect((await gateways()).at(-1)).toEqual(['InferenceAuthorized', NEAR]);
    expect(world.network.forwards).toBe(1);
  });

  it('settlements come back with what was charged', async () => {
    const { world, toFar, farLosesTwice } = twoGateways();
    toFar(authorize('1', mine));
    await world.time.pass(SECOND_MS);
    const asked = toFar(complete('1', usd('0.03')));
    await farLosesTwice();
    await world.time.pass(1);
    const event = asked.outcome?.ok === true ? asked.outcome.events[0]?.event : undefined;
    expect(event).toMatchObject({
      type: 'InferenceCompleted',
      data: { charged: usd('0.01'), actual: usd('0.03'), excess: usd('0.02') },
    });
    expect(world.network.forwards).toBe(1);
  });

  it('refusals come back with the event that records them', async () => {
    const { world, toNear, toFar, farLosesTwice } = twoGateways();
    toNear(defineBudget('b', { limit: 0n }));
    await world.time.pass(1);
    const asked = toFar(authorize('1', mine));
    await farLosesTwice();
    await world.time.pass(1);
    expect(asked.answer).toBe('budget_exhausted');
    expect(asked.eventId).toBe((await world.stored()).at(-1)?.id);
  });

  it('goes on asking for a second, then tries by itself again', async () => {
    const { world, toFar, farLosesTwice, gateways } = twoGateways();
    toFar(authorize('1', mine));
    await farLosesTwice();
    await world.time.pass(500);
    const soon = toFar(authorize('2', mine));
    await world.time.pass(SECOND_MS);
    expect(soon.answer).toBe('accepted');
    const later = toFar(authorize('3', mine));
    await world.time.pass(SECOND_MS);
    expect(later.answer).toBe('accepted');
    expect((await gateways()).slice(-2).map(([, gateway]) => gateway)).toEqual([NEAR, FAR_AWAY]);
  });

  it('keep their order where the peer could not tell what became of them', async () => {
    const { world, toFar, farLosesTwice } = twoGateways();
    world.routes.push({ fault: 'request-lost' });
    for (const name of ['1', '2', '3']) toFar(authorize(name, mine));
    await farLosesTwice();
    await world.time.pass(5 * SECOND_MS);
    const calls = (await world.events()).flatMap((event) => (event.type === 'InferenceAuthorized' ? event.data : []));
    expect(calls.map(({ callId }) => callId)).toEqual(['1', '2', '3'].map(call));
  });

  it('two that ask each other end it: each tries by itself', async () => {
    const { world, near, toNear, toFar, forwarded, farLosesTwice, calls } = twoGateways();
    const asked = [toFar(authorize('1', mine))];
    await farLosesTwice();
    // The near one is asked while it asks: by the far one's commands, which it must not send back.
    world.routes.push({ fault: 'fine', arrivesAfterMs: 20 });
    asked.push(toFar(authorize('2', mine)), toNear(authorize('3')));
    const taken = near.takeForwarded(world.org, [forwarded(authorize('4', mine))], SECOND_MS);
    await world.time.pass(SECOND_MS);
    expect((await taken).map(({ kind }) => kind)).toEqual(['recorded']);
    expect(asked.map(({ answer }) => answer)).toEqual(['accepted', 'accepted', 'accepted']);
    expect(await calls()).toHaveLength(4);
    expect(world.network.forwards).toBeLessThanOrEqual(2);
  });

  it('a gateway that is asked itself takes that for winning, and asks no longer', async () => {
    const { world, far, toFar, forwarded, farLosesTwice, gateways } = twoGateways();
    toFar(authorize('1', mine));
    await farLosesTwice();
    await world.time.pass(100);
    const taken = far.takeForwarded(world.org, [forwarded(authorize('2'))], SECOND_MS);
    await world.time.pass(200);
    toFar(authorize('3', mine));
    await world.time.pass(200);
    expect((await taken).map(({ kind }) => kind)).toEqual(['recorded']);
    expect((await gateways()).slice(-3).map(([, gateway]) => gateway)).toEqual([NEAR, FAR_AWAY, FAR_AWAY]);
    expect(world.network.forwards).toBe(1);
  });

  it('a command of a peer is not sent on but given back, and does not keep the own ones from the winner', async () => {
    const { world, far, toFar, forwarded, farLosesTwice, gateways } = twoGateways();
    const command = authorize('1', { owner: boot('third') });
    const taken = far.takeForwarded(world.org, [forwarded(command)], 5 * SECOND_MS);
    const own = toFar(authorize('2', mine));
    await farLosesTwice();
    await world.time.pass(1);
    expect(await taken).toEqual([{ kind: 'waiting' }]);
    expect([own.answer, (await gateways()).at(-1)]).toEqual(['accepted', ['InferenceAuthorized', NEAR]]);
    expect(world.network.forwards).toBe(1);
  });
});

describe('counted refusals', () => {
  it('are recorded by the gateway that counted them, once, as the event that their answers have named', async () => {
    const { world, toNear, toFar, farLosesTwice } = twoGateways();
    toNear(defineBudget('b', { limit: 0n }));
    await world.time.pass(1);
    for (const name of ['1', '2']) toFar(authorize(name, mine));
    await world.time.pass(SECOND_MS);
    const counted = toFar(authorize('3', mine));
    await world.time.pass(9_995);
    // The count and a call lose together; only the call may be asked of another: a count has no call to be told by.
    world.routes.push({ fault: 'answer-lost' });
    toFar(authorize('4', { ...mine, keyId: key('b') }));
    await farLosesTwice();
    await world.time.pass(10 * SECOND_MS);
    const counts = (await world.stored()).filter(({ type }) => type === 'RefusalsCounted');
    expect(world.network.forwards).toBe(1);
    expect(counts.map(({ id }) => id)).toEqual([counted.eventId]);
  });

  it('that another gateway has decided name its event', async () => {
    const { world, toNear, toFar, farLosesTwice } = twoGateways();
    toNear(defineBudget('b', { limit: 0n }));
    await world.time.pass(1);
    const first = toFar(authorize('1', mine));
    const second = toFar(authorize('2', mine));
    await farLosesTwice();
    await world.time.pass(12 * SECOND_MS);
    const stored = await world.stored();
    expect([first.eventId, second.eventId]).toEqual(
      ['InferenceRefused', 'RefusalsCounted'].map((type) => stored.find((event) => event.type === type)?.id),
    );
  });
});

describe('control that is forwarded', () => {
  it('is recorded by the other gateway', async () => {
    const { world, toFar, farLosesTwice, gateways } = twoGateways();
    const asked = toFar(defineBudget('b'));
    await farLosesTwice();
    await world.time.pass(1);
    expect(asked.answer).toBe('accepted');
    expect((await gateways()).at(-1)).toEqual(['BudgetDefined', NEAR]);
  });

  it.each(['request-lost', 'answer-lost'] as const)(
    '%s: is not tried a second time, which could undo what others have decided since; its caller hears that',
    async (fault) => {
      const { world, toFar, farLosesTwice } = twoGateways();
      world.routes.push({ fault });
      const asked = toFar(defineBudget('b'));
      await farLosesTwice();
      await world.time.pass(5 * SECOND_MS);
      expect(asked.answer).toBe('LedgerUnavailableError');
      const defined = (await world.events()).filter(({ type }) => type === 'BudgetDefined');
      expect(defined).toHaveLength(fault === 'answer-lost' ? 1 : 0);
    },
  );
});

describe('a batch', () => {
  it('has landed only where all of it has: one event of it, recorded by a peer, says nothing of the others', async () => {
    const { world, near, toNear, toFar, forwarded } = twoGateways();
    const firstEventId = world.newEventId();
    const asked = [toFar(authorize('1', mine), { firstEventId }), toFar(authorize('2', mine))];
    await world.time.pass(50);
    await Promise.all([
      near.takeForwarded(world.org, [forwarded(authorize('1', mine), { firstEventId })], SECOND_MS),
      world.time.pass(10),
    ]);
    toNear(authorize('3'));
    await world.time.pass(SECOND_MS);
    expect(asked.map(({ answer }) => answer)).toEqual(['accepted', 'accepted']);
    const ids = (await world.events()).flatMap((event) =>
      event.type === 'InferenceAuthorized' ? event.data.callId : [],
    );
    expect(ids).toEqual(['1', '3', '2'].map(call));
  });
});
