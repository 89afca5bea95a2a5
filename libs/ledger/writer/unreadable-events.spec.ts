import { twoGateways } from '#testing/simulation';
import { authorize, SECOND_MS } from '../spec-kit';
import { ledgerStream } from '../stream';

/** Long before anybody's patience ends. */
const ANSWERED_IN_MS = SECOND_MS;

describe('an event that nobody can read', () => {
  it.each([
    ['its data are missing', '{"v":1,"at":"2026-05-13T12:00:00.000Z","data":{}}'],
    ['it is no JSON', '{"v":1,"at":'],
  ])('is told to everybody who asks for that ledger, on every gateway, and to nobody else: %s', async (_, body) => {
    const { world, near, toNear, toFar } = twoGateways();
    toNear(authorize('1'));
    await world.time.pass(SECOND_MS);
    toFar(authorize('2'));
    await world.time.pass(SECOND_MS);
    const stream = ledgerStream(world.org);
    const [newest] = (await world.stored()).slice(-1);
    await world.record.append(stream, newest?.revision ?? 'no-stream', [
      { id: world.newEventId(), type: 'InferenceCompleted', body: Buffer.from(body) },
    ]);
    const asked = [toNear(authorize('3')), toFar(authorize('4')), toNear(authorize('5')), toFar(authorize('6'))];
    await world.time.pass(ANSWERED_IN_MS);
    expect(asked.map(({ answer }) => answer)).toEqual(asked.map(() => 'LedgerUnavailableError'));
    await expect(near.read(world.org)).rejects.toThrow(/record cannot be/);
    // Nothing was skipped, and nothing written beyond it.
    expect(await world.stored()).toHaveLength(Number(newest?.revision ?? 0n) + 2);
    expect((await near.read(world.newOrganization())).holds.size).toBe(0);
  });
});
