import { MemoryEventStore } from '#event-store/memory';
import type { StoredEvent, StreamName } from '#kernel';
import { usd } from '#kernel';
import { LedgerWorld, type LedgerWorldOptions, submit } from '#testing/simulation';
import type { LedgerCommand } from '../commands';
import { authorize, boot, complete, defineBudget, SECOND_MS } from '../spec-kit';

/** A gateway that has recorded a budget and three calls. */
async function aGateway(options: LedgerWorldOptions = {}) {
  const world = new LedgerWorld();
  const changed: StreamName[] = [];
  const service = world.service({
    boot: boot('a'),
    onHistoryChanged: (stream) => {
      changed.push(stream);
    },
    ...options,
  });
  for (const command of [defineBudget('b'), authorize('1'), authorize('2'), authorize('3')])
    submit(service, world.org, command);
  await world.time.pass(SECOND_MS);
  const restore = async (events: readonly StoredEvent[]) => {
    const [first] = events;
    world.record.current = new MemoryEventStore();
    if (first !== undefined) await world.record.append(first.stream, 'no-stream', events);
  };
  return {
    world,
    service,
    changed,
    restore,
    answers: async (...commands: readonly LedgerCommand[]) => {
      const asked = commands.map((command) => submit(service, world.org, command));
      await world.time.pass(SECOND_MS);
      return asked.map(({ answer }) => answer);
    },
  };
}

const everyKind = [authorize('4'), defineBudget('c'), complete('1', usd('0'))];
const refusals = everyKind.map(() => 'LedgerHistoryChangedError');

describe('a store that was restored to an older state', () => {
  it.each([0, 1, 3])(
    'is noticed by whatever is submitted next, and by every one after it: %i events left',
    async (kept) => {
      const { world, service, restore, answers, changed } = await aGateway();
      await restore((await world.stored()).slice(0, kept));
      expect(await answers(authorize('4'))).toEqual(['LedgerHistoryChangedError']);
      expect(await answers(...everyKind)).toEqual(refusals);
      await expect(service.read(world.org)).rejects.toThrow('restored to an older state');
      expect(await world.stored()).toHaveLength(kept);
      expect(changed).toHaveLength(1);
    },
  );

  it('is noticed by a read, though it holds as many events as before: others have written since', async () => {
    const { world, service, restore, answers, changed } = await aGateway();
    const [first, ...rest] = await world.stored();
    if (first === undefined) throw new Error('nothing is on record');
    await restore([first, ...rest.map((event) => ({ ...event, id: world.newEventId() }))]);
    await expect(service.read(world.org)).rejects.toThrow('restored to an older state');
    expect(await answers(...everyKind)).toEqual(refusals);
    expect(changed).toHaveLength(1);
  });

  it('is not forgotten with a ledger that has not been used for a while', async () => {
    const { world, service, restore, answers, changed } = await aGateway({ warmLedgersMax: 1 });
    await restore([]);
    expect(await answers(authorize('4'))).toEqual(['LedgerHistoryChangedError']);
    await service.read(world.newOrganization());
    await service.read(world.newOrganization());
    expect(await answers(authorize('5'))).toEqual(['LedgerHistoryChangedError']);
    expect(changed).toHaveLength(1);
  });

  it('is no reason to wait for an ending that can never be recorded', async () => {
    const { world, service, restore } = await aGateway();
    await restore([]);
    const asked = submit(service, world.org, complete('1', usd('0')));
    await world.time.pass(SECOND_MS);
    expect(asked.answer).toBe('LedgerHistoryChangedError');
    const stopped = service.stop();
    await world.time.pass(1);
    await expect(stopped).resolves.toBeUndefined();
  });
});

/** A server that has just taken over: of a stream it shows nothing for so many reads. */
class StoreThatTookOver extends MemoryEventStore {
  hiddenReads = 0;

  override async *readStream(...asked: Parameters<MemoryEventStore['readStream']>): AsyncIterable<StoredEvent> {
    this.hiddenReads -= 1;
    if (this.hiddenReads < 0) yield* super.readStream(...asked);
  }
}

describe('a store that does not show its newest events for a moment', () => {
  async function afterTakingOver(hiddenReads: number) {
    const gateway = await aGateway();
    const { world, service } = gateway;
    const events = await world.stored();
    const store = new StoreThatTookOver();
    world.record.current = store;
    for (const { stream } of events.slice(0, 1)) await store.append(stream, 'no-stream', events);
    store.hiddenReads = hiddenReads;
    const read = service.read(world.org).then(
      ({ holds }) => holds.size,
      (error: unknown) => (error instanceof Error ? error.name : 'thrown'),
    );
    await world.time.pass(SECOND_MS);
    return { ...gateway, read: await read };
  }

  it('is not taken for a restored one', async () => {
    const { read, changed, answers } = await afterTakingOver(3);
    expect(read).toBe(3);
    expect(changed).toEqual([]);
    expect(await answers(complete('1', usd('0')))).toEqual(['accepted']);
  });

  it('is taken for one when it goes on to show nothing', async () => {
    const { read, changed } = await afterTakingOver(100);
    expect(read).toBe('LedgerHistoryChangedError');
    expect(changed).toHaveLength(1);
  });
});
