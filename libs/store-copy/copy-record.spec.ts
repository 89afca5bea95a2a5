import fc from 'fast-check';
import { GATEWAY_STREAM_PREFIX } from '#cluster';
import {
  type AppendResult,
  type EventStore,
  type EventStoreReader,
  type ExpectedRevision,
  StoreUnavailableError,
} from '#event-store';
import { MemoryEventStore } from '#event-store/memory';
import type { EncodedEvent, StoredEvent, StreamName } from '#kernel';
import { type AppendFault, FaultyEventStore } from '#testing/simulation';
import { copyRecord } from './copy-record';
import { differenceSentence } from './difference';
import { RecordNotWholeError, TargetInUseError } from './errors';
import { HEARTBEAT_PREFIX } from './heartbeat-streams';
import { contentOf, eventNumber, record, streamOf } from './spec-kit';

/** Few names, so that streams take turns as well as run on. */
const interleaving = fc.array(fc.constantFrom('ledger-a', 'ledger-b', 'catalogue', 'gateway-boot_1'), {
  maxLength: 40,
});
const noSleep = (): Promise<void> => Promise.resolve();

async function storeWith(streams: Iterable<string>): Promise<MemoryEventStore> {
  const store = new MemoryEventStore();
  await record(store, streams);
  return store;
}

class Killed extends Error {}

/** A target whose writer dies at one append: before it is written, or before it is answered. */
class MortalTarget extends FaultyEventStore {
  #left: number;

  constructor(
    private readonly store: EventStore,
    appends: number,
    private readonly moment: 'before' | 'after',
  ) {
    super(store, noSleep, { append: () => ({ fault: 'fine' }), isReadable: () => true });
    this.#left = appends;
  }

  override async append(
    stream: StreamName,
    expected: ExpectedRevision,
    events: readonly EncodedEvent[],
  ): Promise<AppendResult> {
    this.#left -= 1;
    if (this.#left < 0 && this.moment === 'before') throw new Killed();
    const result = await this.store.append(stream, expected, events);
    if (this.#left < 0) throw new Killed();
    return result;
  }
}

/** Shows a store as if some events had been scavenged. */
function without(store: EventStoreReader, isGone: (event: StoredEvent) => boolean): EventStoreReader {
  return {
    async *readAll(options) {
      for await (const event of store.readAll(options)) if (!isGone(event)) yield event;
    },
    readStream: (stream, options) => store.readStream(stream, options),
    streamNames: (prefix) => store.streamNames(prefix),
    lastPosition: () => store.lastPosition(),
    close: () => store.close(),
  };
}

describe('a copy', () => {
  it('holds the same events in the same order, for every interleaving of streams', async () => {
    await fc.assert(
      fc.asyncProperty(interleaving, fc.integer({ min: 1, max: 8 }), async (streams, appendsInFlightMax) => {
        const source = await storeWith(streams);
        const target = new MemoryEventStore();
        const report = await copyRecord({ source, target, appendsInFlightMax });
        expect(await contentOf(target)).toEqual(await contentOf(source));
        expect(report).toMatchObject({ kind: 'copied', found: 0, written: streams.length });
        if (report.kind !== 'copied') return;
        const { comparison } = report;
        expect(comparison.difference).toBeUndefined();
        expect(comparison.source).toEqual(comparison.target);
        expect(comparison.source).toMatchObject({ events: streams.length, streams: new Set(streams).size });
      }),
    );
  });

  it('goes on where it was killed, at whatever append and whether or not that was written', async () => {
    await fc.assert(
      fc.asyncProperty(
        interleaving,
        fc.array(fc.tuple(fc.nat(12), fc.constantFrom('before' as const, 'after' as const)), { maxLength: 4 }),
        async (streams, kills) => {
          const source = await storeWith(streams);
          const target = new MemoryEventStore();
          for (const [appends, moment] of kills)
            await copyRecord({ source, target: new MortalTarget(target, appends, moment) }).catch((error: unknown) => {
              if (!(error instanceof Killed)) throw error;
            });
          const found = (await contentOf(target)).length;
          const report = await copyRecord({ source, target });
          expect(report).toMatchObject({ kind: 'copied', found, written: streams.length - found });
          expect(await contentOf(target)).toEqual(await contentOf(source));
        },
      ),
    );
  });

  it('writes each event once, though answers and requests are lost and the target is away', async () => {
    const fault = fc.constantFrom<AppendFault>('fine', 'answer-lost', 'request-lost', 'unavailable');
    await fc.assert(
      fc.asyncProperty(interleaving, fc.array(fault, { maxLength: 3 }), async (streams, faults) => {
        const source = await storeWith(streams);
        const target = new MemoryEventStore();
        const coming = [...faults];
        const faulty = new FaultyEventStore(target, noSleep, {
          append: () => ({ fault: coming.shift() ?? 'fine' }),
          isReadable: () => true,
        });
        await copyRecord({ source, target: faulty });
        expect(await contentOf(target)).toEqual(await contentOf(source));
      }),
      { numRuns: 20 },
    );
  });

  it('says once that it waits, and gives up with what the store says when its patience ends', async () => {
    const source = await storeWith(['ledger-a']);
    const away = new FaultyEventStore(new MemoryEventStore(), noSleep, {
      append: () => ({ fault: 'unavailable' }),
      isReadable: () => true,
    });
    const told: string[] = [];
    const copy = copyRecord({ source, target: away, patienceMs: 1_000, onWaiting: (reason) => told.push(reason) });
    await expect(copy).rejects.toThrow(StoreUnavailableError);
    expect(told).toEqual(['the store is away']);
  });

  it('joins what lies together in one stream, up to what one append may carry', async () => {
    const source = new MemoryEventStore();
    const large = 'x'.repeat(400_000);
    for (const n of [0, 1, 2, 3]) await source.append(streamOf('ledger-a'), 'any', [eventNumber(n, 'Large', large)]);
    await record(source, ['ledger-b', 'ledger-a'], 4);
    const appends: number[] = [];
    const target = new FaultyEventStore(new MemoryEventStore(), noSleep, {
      append: () => ({ fault: 'fine' }),
      isReadable: () => true,
    });
    const append = target.append.bind(target);
    target.append = (stream, expected, events) => {
      appends.push(events.length);
      return append(stream, expected, events);
    };
    await copyRecord({ source, target });
    expect(appends).toEqual([2, 2, 1, 1]);
  });

  it('of a source in use ends where it began, and says that the source went on', async () => {
    const source = await storeWith(['ledger-a', 'ledger-b']);
    const target = new MemoryEventStore();
    const report = await copyRecord({
      source: {
        readAll: (options) => source.readAll(options),
        readStream: (stream, options) => source.readStream(stream, options),
        streamNames: (prefix) => source.streamNames(prefix),
        close: () => source.close(),
        async lastPosition() {
          const position = await source.lastPosition();
          await record(source, ['ledger-a'], 100 + Number(position));
          return position;
        },
      },
      target,
    });
    expect(report).toMatchObject({ kind: 'copied', written: 2, comparison: { end: 2n, sourceWentOn: true } });
    if (report.kind === 'copied') expect(report.comparison.difference).toBeUndefined();
    expect(await contentOf(target)).toHaveLength(2);
  });

  it('stops between two appends when it is told to', async () => {
    const source = await storeWith(['ledger-a', 'ledger-b', 'ledger-a']);
    const target = new MemoryEventStore();
    const stop = new AbortController();
    const stopping = new FaultyEventStore(target, noSleep, {
      append: () => {
        stop.abort(new Error('enough'));
        return { fault: 'fine' };
      },
      isReadable: () => true,
    });
    await expect(copyRecord({ source, target: stopping, signal: stop.signal })).rejects.toThrow('enough');
    expect(await contentOf(target)).toHaveLength(1);
  });
});

describe('a target is refused, and nothing written, when it', () => {
  async function refusal(source: EventStore, target: MemoryEventStore): Promise<string> {
    const before = await contentOf(target);
    const report = await copyRecord({ source, target });
    expect(await contentOf(target)).toEqual(before);
    return report.kind === 'refused' ? differenceSentence(report.difference) : 'it was not refused';
  }

  it('holds another event at some place', async () => {
    const source = await storeWith(['ledger-a', 'ledger-a']);
    const target = await storeWith(['ledger-a']);
    await record(target, ['ledger-a'], 7);
    expect(await refusal(source, target)).toMatch(
      /^event 2 is Tested ledger-a@1 \(\S+\) in the source, but Tested ledger-a@1 \(\S+\) in the target$/,
    );
  });

  it('holds the same events in another order', async () => {
    const source = await storeWith(['ledger-a', 'ledger-b']);
    const target = new MemoryEventStore();
    await target.append(streamOf('ledger-b'), 'no-stream', [eventNumber(1)]);
    expect(await refusal(source, target)).toMatch(/^event 1 is Tested ledger-a@0 .* but Tested ledger-b@0/);
  });

  it('holds other bytes of the same event', async () => {
    const source = await storeWith(['ledger-a']);
    const target = new MemoryEventStore();
    await target.append(streamOf('ledger-a'), 'no-stream', [{ ...eventNumber(0), body: Buffer.from('{}') }]);
    expect(await refusal(source, target)).toMatch(
      /^event 1 is Tested ledger-a@0 \(\S+\) in both stores, but its bytes/,
    );
  });

  it('is ahead of the source', async () => {
    const source = await storeWith(['ledger-a']);
    const target = await storeWith(['ledger-a', 'gateway-boot_2']);
    expect(await refusal(source, target)).toMatch(
      /^the source ends after 1 events, but the target goes on with Tested/,
    );
  });
});

it('gives up when somebody else writes to the target', async () => {
  const source = await storeWith(['ledger-a', 'ledger-b']);
  const target = new MemoryEventStore();
  const disturbed = new FaultyEventStore(target, noSleep, {
    append: () => {
      void target.append(streamOf('ledger-b'), 'any', [eventNumber(99)]);
      return { fault: 'fine' };
    },
    isReadable: () => true,
  });
  await expect(copyRecord({ source, target: disturbed })).rejects.toThrow(TargetInUseError);
});

describe('of a source that has lost events', () => {
  it('heartbeats are known by the name that gateways give their streams', () => {
    expect(HEARTBEAT_PREFIX).toBe(GATEWAY_STREAM_PREFIX);
  });

  it('a heartbeat stream without its beginning is left out', async () => {
    const whole = await storeWith(['gateway-boot_1', 'ledger-a', 'gateway-boot_1', 'gateway-boot_2']);
    const source = without(whole, ({ stream, revision }) => stream === 'gateway-boot_1' && revision === 0n);
    const target = new MemoryEventStore();
    const report = await copyRecord({ source, target });
    expect(report).toMatchObject({ kind: 'copied', written: 2, comparison: { leftOut: ['gateway-boot_1'] } });
    if (report.kind === 'copied') expect(report.comparison.difference).toBeUndefined();
  });

  it('a heartbeat stream that was scavenged after it had been copied does not stand in the way', async () => {
    const whole = await storeWith(['gateway-boot_1', 'ledger-a', 'gateway-boot_1']);
    const target = new MemoryEventStore();
    await copyRecord({ source: whole, target });
    await record(whole, ['ledger-a'], 10);
    const source = without(whole, ({ stream, revision }) => stream === 'gateway-boot_1' && revision === 0n);
    expect(await copyRecord({ source, target })).toMatchObject({ kind: 'copied', found: 1, written: 1 });
  });

  it('any other stream without its beginning, or with a hole, ends the copy', async () => {
    const whole = await storeWith(['ledger-a', 'ledger-a', 'ledger-a']);
    for (const gone of [0n, 1n]) {
      const source = without(whole, ({ revision }) => revision === gone);
      const copy = copyRecord({ source, target: new MemoryEventStore() });
      await expect(copy).rejects.toThrow(RecordNotWholeError);
      await expect(copy).rejects.toThrow(`revision ${gone + 1n} stands where ${gone} should`);
    }
  });
});

it('an event that EventStoreDB would take for its own is not copied', async () => {
  const source = new MemoryEventStore();
  await source.append(streamOf('ledger-a'), 'no-stream', [eventNumber(0, '$metadata')]);
  await expect(copyRecord({ source, target: new MemoryEventStore() })).rejects.toThrow(RecordNotWholeError);
});
