import { FAR_AWAY, NEAR, twoGateways } from '#testing/simulation';
import { authorize, SECOND_MS } from '../spec-kit';

const mine = { owner: FAR_AWAY };

/** What the two gateways were told, in order: who, what, about how many commands. */
function watched() {
  const told: [string, string, number][] = [];
  const gateways = twoGateways({
    onContention: (boot, what, commands) => {
      told.push([boot, what, commands]);
    },
  });
  return { ...gateways, told };
}

describe('what gateways that write one ledger cost each other is told', () => {
  it('rounds that were lost, commands that were forwarded, and who took them', async () => {
    const { toFar, farLosesTwice, world, told } = watched();
    toFar(authorize('1', mine));
    toFar(authorize('2', mine));
    await farLosesTwice();
    await world.time.pass(1);
    expect(told).toEqual([
      [FAR_AWAY, 'round-lost', 2],
      [FAR_AWAY, 'round-lost', 2],
      [FAR_AWAY, 'forwarded', 2],
      [NEAR, 'taken-from-peer', 2],
    ]);
  });

  it('forwards of which nobody knows whether they were recorded', async () => {
    const { toFar, farLosesTwice, world, told } = watched();
    world.routes.push({ fault: 'request-lost' });
    toFar(authorize('1', mine));
    await farLosesTwice();
    await world.time.pass(5 * SECOND_MS);
    expect(told.slice(2)).toEqual([
      [FAR_AWAY, 'forwarded', 1],
      [FAR_AWAY, 'forward-in-doubt', 1],
    ]);
  });

  it('nothing where one writes after the other', async () => {
    const { toNear, toFar, world, told } = watched();
    toNear(authorize('1'));
    await world.time.pass(SECOND_MS);
    const asked = toFar(authorize('2', mine));
    await world.time.pass(SECOND_MS);
    expect([asked.answer, told]).toEqual(['accepted', []]);
  });
});
