import type { EventStore } from '#event-store';
import { type BootId, type Clock, composeEventId, composeId, type EpochMs, epochMs } from '#kernel';
import { LedgerService, type LedgerWriterSettings, type Timers } from '#ledger';
import { type AppendFault, FaultyEventStore } from './faulty-event-store';
import type { Random } from './random';
import type { VirtualTime } from './virtual-time';

/** How badly the world behaves. */
export interface Weather {
  /** While true, the store can be neither written nor read. */
  isStoreDown: boolean;
  /** So many appends and reads in a hundred go wrong. */
  readonly faultPercent: number;
  /** The longest that an append takes to arrive, or its answer to come back. */
  readonly delayMsMax: number;
}

const NEVER = new Promise<never>(() => {});

/**
 * One start of one process. After a crash nothing of it runs any more: its timers are dead and its awaits never end,
 * but what it had sent may still arrive.
 */
export class SimulatedProcess {
  readonly boot: BootId;
  readonly ledger: LedgerService;
  readonly clock: Clock;
  private isRunning = true;
  private skewMs = 0;

  constructor(
    private readonly time: VirtualTime,
    private readonly random: Random,
    private readonly weather: Weather,
    store: EventStore,
    isOwnerAlive: (owner: string) => boolean,
    settings: Partial<LedgerWriterSettings>,
  ) {
    this.boot = composeId('boot', time.now(), random.bytes(10));
    this.clock = { now: () => this.now(), monotonicMs: () => time.monotonicMs() };
    this.ledger = new LedgerService(this.mortal(store), {
      clock: this.clock,
      timers: this.timers(),
      newEventId: () => composeEventId(time.now(), random.bytes(10)),
      isOwnerAlive: (owner) => owner === this.boot || isOwnerAlive(owner),
      settings,
    });
  }

  get isAlive(): boolean {
    return this.isRunning;
  }

  now(): EpochMs {
    return epochMs(this.time.now() + this.skewMs);
  }

  crash(): void {
    this.isRunning = false;
  }

  /** Sets this machine's wall clock. */
  jump(ms: number): void {
    this.skewMs += ms;
  }

  async sleep(ms: number): Promise<void> {
    await this.time.sleep(ms);
    await this.whileAlive();
  }

  /** Everything after this line in a process that has crashed never happens. */
  async whileAlive(): Promise<void> {
    if (!this.isRunning) await NEVER;
  }

  private timers(): Timers {
    const ifAlive = (run: () => void) => () => {
      if (this.isRunning) run();
    };
    return {
      soon: (run) => this.time.soon(ifAlive(run)),
      after: (delayMs, run) => this.time.after(delayMs, ifAlive(run)),
    };
  }

  /** The way to the store: it is unreliable, and ends with the process. */
  private mortal(store: EventStore): EventStore {
    const faulty = new FaultyEventStore(store, (ms) => this.time.sleep(ms), {
      append: () => ({ fault: this.nextFault(), arrivesAfterMs: this.delay(), answersAfterMs: this.delay() }),
      isReadable: () => !this.weather.isStoreDown && !this.random.chance(this.weather.faultPercent),
    });
    const whileAlive = () => this.whileAlive();
    return {
      append: async (...request) => {
        await whileAlive();
        return faulty.append(...request).finally(whileAlive);
      },
      async *readStream(...request) {
        await whileAlive();
        yield* faulty.readStream(...request);
      },
      readAll: (options) => faulty.readAll(options),
      streamNames: (prefix) => faulty.streamNames(prefix),
      subscribe: (options) => faulty.subscribe(options),
      lastPosition: () => faulty.lastPosition(),
      close: () => faulty.close(),
    };
  }

  private nextFault(): AppendFault {
    if (this.weather.isStoreDown) return 'unavailable';
    if (!this.random.chance(this.weather.faultPercent)) return 'fine';
    return this.random.pick(['answer-lost', 'request-lost', 'unavailable']);
  }

  private delay(): number {
    return this.random.chance(50) ? 0 : this.random.between(0, this.weather.delayMsMax);
  }
}
