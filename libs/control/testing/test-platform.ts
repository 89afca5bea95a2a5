import { systemIdentifiers, systemTimers } from '#environment';
import { type EventStore, StoreUnavailableError } from '#event-store';
import { MemoryEventStore } from '#event-store/memory';
import { type Clock, type EncodedEvent, epochMs, type StoredEvent, type StreamName } from '#kernel';
import type { KeyStore } from '#key-store';
import { MemoryKeyStore } from '#key-store/memory';
import { LedgerService, type LedgerServiceOptions } from '#ledger';
import { PassingEventStore } from '#testing/simulation';
import { ACCESS_STREAM_PREFIX } from '../access';
import type { Cluster } from '../cluster';
import { ControlPlane } from '../control-plane';
import { SECURITY_STREAM_PREFIX } from '../security';

/** A clock that moves only when it is told to. */
export class HandClock implements Clock {
  constructor(private ms = Date.UTC(2025, 0, 1)) {}

  now() {
    return epochMs(this.ms);
  }

  monotonicMs(): number {
    return this.ms;
  }

  advance(ms: number): void {
    this.ms += ms;
  }
}

/** Writes as many appends as it is allowed, then none: what a process leaves that is killed in between. */
export class MortalStore extends PassingEventStore {
  constructor(
    store: EventStore,
    private appendsLeft: number,
  ) {
    super(store);
  }

  override async append(stream: StreamName, expected: bigint | 'no-stream' | 'any', events: readonly EncodedEvent[]) {
    if (this.appendsLeft <= 0) throw new StoreUnavailableError('killed');
    this.appendsLeft -= 1;
    return this.current.append(stream, expected, events);
  }

  /** The record outlives who writes to it. */
  override async close() {}
}

/** What outlives a process: the record, the keys, and time. */
export interface TestMachine {
  readonly store: MemoryEventStore;
  readonly keyStore: KeyStore;
  readonly clock: HandClock;
}

export interface TestPlatform extends TestMachine {
  readonly control: ControlPlane;
  readonly ledger: LedgerService;
  readonly problems: Error[];
  close(): Promise<void>;
}

export function testMachine(): TestMachine {
  return { store: new MemoryEventStore(), keyStore: new MemoryKeyStore(), clock: new HandClock() };
}

/** Starts the command side over a machine; after `appends` appends it is as if the process had been killed. */
export function startPlatform(machine: TestMachine, appends = Number.POSITIVE_INFINITY): Promise<TestPlatform> {
  return startOn(machine, new MortalStore(machine.store, appends), { isOwnerAlive: () => true });
}

/** Where the command side is one of several that share a record. */
export interface TestNeighbours extends Pick<LedgerServiceOptions, 'isOwnerAlive' | 'peers'> {
  readonly cluster?: Cluster;
}

/** Starts the command side over a machine, with a way of its own to the record. */
export async function startOn(
  machine: TestMachine,
  store: EventStore,
  { cluster, ...neighbours }: TestNeighbours,
): Promise<TestPlatform> {
  const { clock, keyStore } = machine;
  const identifiers = systemIdentifiers(clock);
  const ledger = new LedgerService(store, {
    clock,
    timers: systemTimers,
    newEventId: () => identifiers.eventId(),
    ...neighbours,
  });
  if (cluster === undefined) await ledger.start();
  else ledger.watch();
  const problems: Error[] = [];
  const onProblem = (problem: Error) => problems.push(problem);
  const shared = cluster === undefined ? {} : { cluster };
  const control = await ControlPlane.open({ store, keyStore, ledger, clock, identifiers, onProblem, ...shared });
  return {
    ...machine,
    control,
    ledger,
    problems,
    async close() {
      await control.close();
      await ledger.stop();
    },
  };
}

/** All that was ever recorded, in order; but for counts of the background, which come when their time is over. */
export async function recordOf({ store }: TestMachine): Promise<readonly StoredEvent[]> {
  const events: StoredEvent[] = [];
  for await (const stored of store.readAll()) if (!isCount(stored.stream)) events.push(stored);
  return events;
}

export async function typesOf(machine: TestMachine): Promise<readonly string[]> {
  return (await recordOf(machine)).map(({ type }) => type);
}

function isCount(stream: StreamName): boolean {
  return stream.startsWith(ACCESS_STREAM_PREFIX) || stream.startsWith(SECURITY_STREAM_PREFIX);
}
