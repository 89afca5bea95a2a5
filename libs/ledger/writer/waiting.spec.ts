import { epochMs, nanoUsd, usd } from '#kernel';
import { LedgerWorld, type LedgerWorldOptions, submit } from '#testing/simulation';
import type { LedgerCommand } from '../commands';
import { authorize, complete, defineBudget, key, MINUTE_MS, PRICES, release, SECOND_MS, setLimits } from '../spec-kit';
import type { SubmitOptions } from './types';

async function aWorld(options: LedgerWorldOptions, ...setUp: readonly LedgerCommand[]) {
  const world = new LedgerWorld();
  const service = world.service(options);
  for (const command of setUp) {
    submit(service, world.org, command);
    await world.time.pass(1);
  }
  return {
    world,
    submit: (command: LedgerCommand, to?: SubmitOptions) => submit(service, world.org, command, to),
    types: async () => (await world.events()).map(({ type }) => type),
  };
}

describe('a call that other calls stand in the way of', () => {
  const keyed = (name: string) => authorize(name, { idempotency: { key: 'k', body: 'b' } });
  const cases = [
    ['concurrency_limit_exceeded', [setLimits({ concurrency: 1 }), authorize('1')], authorize('2')],
    ['budget_contended', [defineBudget('b', { limit: usd('0.01') }), authorize('1')], authorize('2')],
    ['idempotency_in_progress', [keyed('1')], keyed('2')],
  ] as const;

  it.each(cases)('%s: is admitted as soon as they have ended', async (code, setUp, asked) => {
    const { world, ...to } = await aWorld({}, ...setUp);
    const waiting = to.submit(asked, { waitMs: { [code]: SECOND_MS } });
    await world.time.pass(500);
    expect(waiting.answer).toBeUndefined();
    to.submit(release('1'));
    await world.time.pass(1);
    expect(waiting.answer).toBe('accepted');
  });

  it.each(cases)('%s: is refused once its patience is over, and only then on record', async (code, setUp, asked) => {
    const { world, types, ...to } = await aWorld({}, ...setUp);
    const waiting = to.submit(asked, { waitMs: { [code]: SECOND_MS } });
    const impatient = to.submit(asked.idempotency === undefined ? authorize('3') : keyed('3'));
    await world.time.pass(SECOND_MS - 1);
    expect([waiting.answer, impatient.answer]).toEqual([undefined, code]);
    expect((await types()).filter((type) => type === 'InferenceRefused')).toHaveLength(1);
    await world.time.pass(2);
    expect(waiting.answer).toBe(code);
  });

  it('is charged by the price of its authorization: one that begins meanwhile, or that was set meanwhile', async () => {
    const { world, ...to } = await aWorld({}, setLimits({ concurrency: 1 }), authorize('1'));
    const dear = (version: number) => ({ ...PRICES, version, input: nanoUsd(2_000_000n * BigInt(version)) });
    const laterPrices = [{ from: epochMs(world.time.now() + 400), prices: dear(2) }];
    const patient = { waitMs: { concurrency_limit_exceeded: 5 * SECOND_MS } };
    let priced: ReturnType<NonNullable<SubmitOptions['pricesNow']>>;
    to.submit(authorize('2', { laterPrices }), { ...patient, pricesNow: () => priced });
    await world.time.pass(500);
    to.submit(release('1'));
    await world.time.pass(1);
    priced = { prices: dear(3) };
    to.submit(authorize('3', { laterPrices }), { ...patient, pricesNow: () => priced });
    await world.time.pass(500);
    to.submit(release('2'));
    await world.time.pass(1);
    const holds = (await world.events()).flatMap((event) =>
      event.type === 'InferenceAuthorized' ? [[event.data.prices.version, event.data.holdCost]] : [],
    );
    expect(holds).toEqual([
      [1, usd('0.01')],
      [2, usd('0.04')],
      [3, usd('0.06')],
    ]);
  });

  it('is refused for another reason at once', async () => {
    const { world, ...to } = await aWorld({}, defineBudget('b', { limit: 0n }));
    const asked = to.submit(authorize('1'), { waitMs: { budget_contended: MINUTE_MS } });
    await world.time.pass(1);
    expect(asked.answer).toBe('budget_exhausted');
  });

  it('keeps its place before later ones', async () => {
    const { world, ...to } = await aWorld({}, setLimits({ concurrency: 1 }), authorize('1'));
    const patient = { waitMs: { concurrency_limit_exceeded: 5 * SECOND_MS } };
    const waiting = ['2', '3', '4'].map((name) => to.submit(authorize(name), patient));
    await world.time.pass(1);
    to.submit(complete('1', usd('0')));
    await world.time.pass(1);
    expect(waiting.map(({ answer }) => answer)).toEqual(['accepted', undefined, undefined]);
    to.submit(complete('2', usd('0')));
    await world.time.pass(1);
    expect(waiting.map(({ answer }) => answer)).toEqual(['accepted', 'accepted', undefined]);
  });

  it('is answered that the first one was, when it waited for an Idempotency-Key', async () => {
    const { world, ...to } = await aWorld({}, keyed('1'));
    const waiting = to.submit(keyed('2'), { waitMs: { idempotency_in_progress: MINUTE_MS } });
    await world.time.pass(30 * SECOND_MS);
    to.submit(complete('1', usd('0')));
    await world.time.pass(1);
    expect(waiting.answer).toBe('idempotency_answered');
  });
});

describe('a queue', () => {
  it('has a limit per key and one per ledger; endings always fit', async () => {
    const { world, ...to } = await aWorld(
      { settings: { queueCommandsMax: 5, queueCommandsPerKeyMax: 2 } },
      authorize('0'),
    );
    const of = (name: string) => authorize(name, { keyId: key(name.charAt(0)) });
    const names = ['a1', 'a2', 'a3', 'b1', 'b2', 'c1', 'c2'];
    const asked = names.map((name) => to.submit(of(name)));
    const ending = to.submit(complete('0', usd('0')));
    await world.time.pass(1);
    const answers = Object.fromEntries(asked.map(({ answer }, i) => [names[i], answer]));
    expect(answers).toEqual({
      a1: 'accepted',
      a2: 'accepted',
      a3: 'LedgerUnavailableError',
      b1: 'accepted',
      b2: 'accepted',
      c1: 'accepted',
      c2: 'LedgerUnavailableError',
    });
    expect(ending.answer).toBe('accepted');
  });

  it('counts those that wait for others, until they are answered', async () => {
    const { world, ...to } = await aWorld(
      { settings: { queueCommandsPerKeyMax: 1 } },
      setLimits({ concurrency: 1 }),
      authorize('1'),
    );
    const patient = { waitMs: { concurrency_limit_exceeded: SECOND_MS } };
    const waiting = to.submit(authorize('2'), patient);
    await world.time.pass(1);
    const full = to.submit(authorize('3'), patient);
    await world.time.pass(2 * SECOND_MS);
    expect([waiting.answer, full.answer]).toEqual(['concurrency_limit_exceeded', 'LedgerUnavailableError']);
    const next = to.submit(authorize('4'));
    await world.time.pass(1);
    expect(next.answer).toBe('concurrency_limit_exceeded');
  });
});
