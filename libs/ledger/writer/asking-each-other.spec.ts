import type { LedgerService } from '#ledger';
import { FAR_AWAY, NEAR, twoGateways } from '#testing/simulation';
import { authorize, call, SECOND_MS } from '../spec-kit';

const mine = { owner: FAR_AWAY };

type Take = LedgerService['takeForwarded'];

/** As a gateway answers that asks another one itself. */
const takesNothing: Take = async (_orgId, commands) => commands.map(() => ({ kind: 'waiting' }));

/** The near gateway answers what it is asked by these, in turn; the last one goes on. */
function nearTaking(...takes: readonly Take[]) {
  const gateways = twoGateways();
  let asked = 0;
  gateways.world.network.join(NEAR, {
    ledger: {
      takeForwarded: (...request) => {
        const take = takes[Math.min(asked, takes.length - 1)] ?? takesNothing;
        asked += 1;
        return take(...request);
      },
    },
    whileAlive: async () => {},
  });
  return gateways;
}

describe('gateways that ask each other', () => {
  it('do not wait for each other: who asks says at once that it records nothing', async () => {
    const { world, far, toFar, forwarded, farLosesTwice } = twoGateways();
    const asked = toFar(authorize('1', mine));
    world.routes.push({ fault: 'fine', arrivesAfterMs: 500 });
    await farLosesTwice();
    await world.time.pass(1);
    const outcomes = await far.takeForwarded(world.org, [forwarded(authorize('2'))], SECOND_MS);
    expect(outcomes).toEqual([{ kind: 'waiting' }]);
    await world.time.pass(SECOND_MS);
    expect(asked.answer).toBe('accepted');
  });

  it('try by themselves again', async () => {
    const { world, toFar, farLosesTwice, gateways } = nearTaking(takesNothing);
    const asked = toFar(authorize('1', mine));
    await farLosesTwice();
    await world.time.pass(SECOND_MS);
    expect([asked.answer, (await gateways()).at(-1)]).toEqual(['accepted', ['InferenceAuthorized', FAR_AWAY]]);
    expect(world.network.forwards).toBe(1);
  });

  it('find what was recorded before they were told so', async () => {
    const { world, near, toFar, farLosesTwice, calls } = nearTaking(
      (...request) => near.takeForwarded(...request),
      takesNothing,
    );
    world.routes.push({ fault: 'delivered-twice' });
    const asked = toFar(authorize('1', mine));
    await farLosesTwice();
    await world.time.pass(SECOND_MS);
    const events = asked.outcome?.ok === true ? asked.outcome.events : [];
    expect(events.map(({ event }) => event.type)).toEqual(['InferenceAuthorized']);
    expect(await calls()).toEqual(['InferenceAuthorized']);
    expect(asked.outcome?.state.holds.has(call('1'))).toBe(true);
  });
});
