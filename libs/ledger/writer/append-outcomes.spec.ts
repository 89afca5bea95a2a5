import { usd } from '#kernel';
import { LedgerWorld, type LedgerWorldOptions, submit } from '#testing/simulation';
import type { LedgerCommand } from '../commands';
import {
  abandon,
  authorize,
  call,
  changeBudget,
  complete,
  counted,
  defineBudget,
  HOUR_MS,
  MINUTE_MS,
  release,
  SECOND_MS,
} from '../spec-kit';
import type { SubmitOptions } from './types';

function aWorld(options?: LedgerWorldOptions) {
  const world = new LedgerWorld();
  const service = world.service(options);
  return {
    world,
    service,
    submit: (command: LedgerCommand, to?: SubmitOptions) => submit(service, world.org, command, to),
    types: async () => (await world.events()).map(({ type }) => type),
    counts: async () => counted({ state: await service.read(world.org), now: world.time.now() }),
  };
}

describe('an append whose outcome is unknown', () => {
  it.each(['answer-lost', 'request-lost'] as const)(
    'is sent again until it is known, and written once: %s',
    async (fault) => {
      const { world, types, ...to } = aWorld();
      world.faults.push(fault, fault, 'unavailable', fault);
      const asked = to.submit(authorize('1'));
      await world.time.pass(SECOND_MS);
      expect(asked.answer).toBe('accepted');
      expect(await types()).toEqual(['InferenceAuthorized']);
      expect(world.appends).toBe(5);
    },
  );

  it('lets no new call in meanwhile, but takes endings', async () => {
    const { world, types, ...to } = aWorld();
    to.submit(authorize('1'));
    await world.time.pass(1);
    world.faults.push('request-lost', ...Array.from({ length: 20 }, () => 'unavailable' as const));
    to.submit(authorize('2'));
    await world.time.pass(1);
    const [refused, ending] = [to.submit(authorize('3')), to.submit(complete('1', usd('0')))];
    await world.time.pass(SECOND_MS);
    expect([refused.answer, ending.answer]).toEqual(['LedgerUnavailableError', undefined]);
    await world.time.pass(MINUTE_MS);
    expect(await types()).toEqual([
      'InferenceAuthorized',
      'InferenceAuthorized',
      'InferenceCompleted',
      'InferenceReleased',
    ]);
  });

  it('is found by its ids where somebody else has appended since, so that nothing is decided twice', async () => {
    const { world, types, ...to } = aWorld();
    world.faults.push('answer-lost');
    const asked = to.submit(authorize('1'));
    await world.time.pass(1);
    const other = submit(world.service(), world.org, defineBudget('b'));
    await world.time.pass(SECOND_MS);
    expect([asked.answer, other.answer]).toEqual(['accepted', 'accepted']);
    expect(await types()).toEqual(['InferenceAuthorized', 'BudgetDefined']);
    // What the other one wrote is known now.
    expect(to.submit(complete('1', usd('0'))).answer).toBeUndefined();
    await world.time.pass(SECOND_MS);
    expect((await types()).length).toBe(3);
  });

  it('stays in doubt while the record cannot be read after a conflict', async () => {
    const { world, types, ...to } = aWorld();
    world.faults.push('answer-lost');
    const asked = to.submit(authorize('1'));
    await world.time.pass(1);
    submit(world.service(), world.org, defineBudget('b'));
    await world.time.pass(1);
    world.failedReads = 3;
    await world.time.pass(5 * SECOND_MS);
    expect(asked.answer).toBe('accepted');
    expect(await types()).toEqual(['InferenceAuthorized', 'BudgetDefined']);
  });

  it('releases an authorization that landed after its caller had left', async () => {
    const { world, types, ...to } = aWorld();
    world.faults.push('answer-lost', ...Array.from({ length: 8 }, () => 'unavailable' as const));
    const asked = to.submit(authorize('1'), { timeoutMs: 500 });
    await world.time.pass(SECOND_MS);
    expect(asked.answer).toBe('LedgerUnavailableError');
    await world.time.pass(MINUTE_MS);
    expect((await world.events()).at(-1)).toMatchObject({
      type: 'InferenceReleased',
      data: { callId: call('1'), reason: 'caller-left', dispatched: false },
    });
    expect((await types()).length).toBe(2);
  });

  it('does not write an authorization whose caller left before it was sent', async () => {
    const { world, types, ...to } = aWorld();
    world.answersAfterMs = 2 * SECOND_MS;
    to.submit(defineBudget('b'));
    await world.time.pass(1);
    const asked = to.submit(authorize('1'), { timeoutMs: 500 });
    await world.time.pass(MINUTE_MS);
    expect(asked.answer).toBe('LedgerUnavailableError');
    expect(await types()).toEqual(['BudgetDefined']);
  });
});

describe('a conflict', () => {
  it('is decided again behind what the other one wrote', async () => {
    const { world, types, ...to } = aWorld();
    to.submit(defineBudget('b'));
    await world.time.pass(1);
    submit(world.service(), world.org, changeBudget('b', { limit: 0n }));
    await world.time.pass(1);
    const asked = to.submit(authorize('1'));
    await world.time.pass(1);
    expect(asked.answer).toBe('budget_exhausted');
    expect(await types()).toEqual(['BudgetDefined', 'BudgetChanged', 'InferenceRefused']);
  });

  it('between two busy writers never takes a budget beyond its limit', async () => {
    const { world, counts, ...to } = aWorld();
    const other = world.service();
    to.submit(defineBudget('b', { limit: usd('0.05') }));
    await world.time.pass(1);
    const asked = Array.from({ length: 20 }, (_, i) =>
      i % 2 === 0 ? to.submit(authorize(`${i}`)) : submit(other, world.org, authorize(`${i}`)),
    );
    await world.time.pass(SECOND_MS);
    expect(asked.filter(({ answer }) => answer === 'accepted')).toHaveLength(5);
    const answers = new Set(asked.map(({ answer }) => answer));
    expect([...answers].sort()).toEqual(['accepted', 'budget_contended']);
    const authorized = (await world.events()).filter(({ type }) => type === 'InferenceAuthorized');
    expect(authorized).toHaveLength(5);
  });
});

describe('a store that cannot be reached', () => {
  it('is told to calls and control at once', async () => {
    const { world, ...to } = aWorld();
    await to.service.read(world.org);
    world.isDown = true;
    const asked = [to.submit(authorize('1')), to.submit(defineBudget('b'))];
    await world.time.pass(1);
    expect(asked.map(({ answer }) => answer)).toEqual(['LedgerUnavailableError', 'LedgerUnavailableError']);
  });

  it('is told also where the ledger cannot be read', async () => {
    const { world, ...to } = aWorld();
    world.isDown = true;
    const asked = to.submit(authorize('1'));
    await world.time.pass(1);
    expect(asked.answer).toBe('LedgerUnavailableError');
    await expect(to.service.read(world.org)).rejects.toThrow('try again');
  });

  it('loses no ending: it is recorded once the store is back, though its caller has left', async () => {
    const { world, types, ...to } = aWorld();
    to.submit(authorize('1'));
    to.submit(authorize('2'));
    await world.time.pass(1);
    world.isDown = true;
    const asked = to.submit(complete('1', usd('0.01')));
    to.submit(abandon('2'));
    await world.time.pass(MINUTE_MS);
    expect(asked.answer).toBe('LedgerUnavailableError');
    expect((await types()).length).toBe(2);
    world.isDown = false;
    await world.time.pass(2 * SECOND_MS);
    expect((await types()).slice(2)).toEqual(['InferenceCompleted', 'InferenceUnresolved']);
  });

  it('is not asked more often than once a second for long', async () => {
    const { world, ...to } = aWorld();
    to.submit(authorize('1'));
    await world.time.pass(1);
    world.isDown = true;
    to.submit(complete('1', usd('0')));
    const before = world.appends;
    await world.time.pass(MINUTE_MS);
    expect(world.appends - before).toBeLessThan(70);
  });

  it('is given up on for an ending after ten minutes; the hold’s deadline decides then', async () => {
    const { world, types, ...to } = aWorld();
    await to.service.start();
    to.submit(authorize('1'));
    await world.time.pass(1);
    world.isDown = true;
    to.submit(complete('1', usd('0')));
    await world.time.pass(HOUR_MS);
    world.isDown = false;
    await world.time.pass(2 * SECOND_MS);
    expect(await types()).toEqual(['InferenceAuthorized', 'InferenceUnresolved']);
  });
});

describe('a batch', () => {
  it('writes endings before control before calls, so that calls find room', async () => {
    const { world, types, ...to } = aWorld();
    to.submit(defineBudget('b', { limit: usd('0.01') }));
    to.submit(authorize('1'));
    await world.time.pass(1);
    const asked = [
      to.submit(authorize('2')),
      to.submit(changeBudget('b', { limit: usd('0.02') })),
      to.submit(release('1')),
    ];
    await world.time.pass(1);
    expect(asked.map(({ answer }) => answer)).toEqual(['accepted', 'accepted', 'accepted']);
    expect((await types()).slice(3)).toEqual(['InferenceReleased', 'BudgetChanged', 'InferenceAuthorized']);
    expect(world.appends).toBe(2);
  });

  it('leaves out the one command that cannot be encoded', async () => {
    const { world, types, ...to } = aWorld();
    const asked = [
      to.submit(authorize('1')),
      to.submit(authorize('2', { clientRequestId: '\ud800' })),
      to.submit(authorize('3', { clientRequestId: 'x'.repeat(60_000) })),
      to.submit(authorize('4')),
    ];
    await world.time.pass(1);
    expect(asked.map(({ answer }) => answer)).toEqual(['accepted', 'unencodable', 'unencodable', 'accepted']);
    expect(await types()).toEqual(['InferenceAuthorized', 'InferenceAuthorized']);
  });

  it('leaves out a command on which the decider throws, and its caller hears why', async () => {
    const { world, types, ...to } = aWorld();
    const broken = { ...authorize('1'), prices: undefined } as unknown as LedgerCommand;
    const asked = [to.submit(broken), to.submit(authorize('2'))];
    await world.time.pass(1);
    expect(asked.map(({ answer }) => answer)).toEqual(['TypeError', 'accepted']);
    expect(await types()).toEqual(['InferenceAuthorized']);
  });

  it('ends at its limits of events and bytes; the rest follows', async () => {
    const byEvents = aWorld({ settings: { batchEventsMax: 10 } });
    const byBytes = aWorld({ settings: { batchBytesMax: 4_000 } });
    for (const { world, ...to } of [byEvents, byBytes]) {
      const asked = Array.from({ length: 35 }, (_, i) => to.submit(authorize(`${i}`, { keyId: `key_${i}` as never })));
      await world.time.pass(1);
      expect(asked.every(({ answer }) => answer === 'accepted')).toBe(true);
      expect(await world.stored()).toHaveLength(35);
    }
    expect(byEvents.world.appends).toBe(4);
    expect(byBytes.world.appends).toBeGreaterThan(6);
  });
});
