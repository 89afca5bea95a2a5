import type { EventStore } from '#event-store';
import { type BootId, type Clock, composeEventId, composeId, type EpochMs, epochMs, type StoredEvent } from '#kernel';
import { type LedgerPeers, LedgerService, type LedgerWriterSettings, type Timers } from '#ledger';
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

/** What a process lives in. */
export interface ProcessWorld {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly weather: Weather;
  readonly store: EventStore;
  readonly settings: Partial<LedgerWriterSettings>;
  isOwnerAlive(owner: string, observer: BootId): boolean;
  /** The other gateways, where there are any. */
  readonly peersOf?: (process: SimulatedProcess) => LedgerPeers;
  readonly onHistoryChanged?: () => void;
  /** How long each way to the store takes at least. Default: reads take no time, appends what the weather says. */
  readonly distanceMs?: number;
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
  private pause: { readonly ended: Promise<void>; readonly end: () => void; readonly due: (() => void)[] } | undefined;

  constructor(private readonly world: ProcessWorld) {
    const { time, random } = world;
    this.boot = composeId('boot', time.now(), random.bytes(10));
    this.clock = { now: () => this.now(), monotonicMs: () => time.monotonicMs() };
    const peers = world.peersOf?.(this);
    this.ledger = new LedgerService(this.mortal(world.store), {
      clock: this.clock,
      timers: this.timers(),
      newEventId: () => composeEventId(time.now(), random.bytes(10)),
      isOwnerAlive: (owner) => owner === this.boot || world.isOwnerAlive(owner, this.boot),
      settings: world.settings,
      ...(peers === undefined ? {} : { peers }),
      ...(world.onHistoryChanged === undefined ? {} : { onHistoryChanged: world.onHistoryChanged }),
    });
  }

  /** Whether it has not crashed. */
  get isAlive(): boolean {
    return this.isRunning;
  }

  now(): EpochMs {
    return epochMs(this.world.time.now() + this.skewMs);
  }

  crash(): void {
    this.isRunning = false;
  }

  get isPaused(): boolean {
    return this.pause !== undefined;
  }

  /** Stops everything of it where it is; its clocks go on, and what it had sent arrives. */
  stopForNow(): void {
    if (this.pause !== undefined) return;
    let end = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    this.pause = { ended, end, due: [] };
  }

  /** Goes on where it was: with the timers that have become due, and with the answers that have arrived. */
  goOn(): void {
    const { pause } = this;
    if (pause === undefined) return;
    this.pause = undefined;
    const { time, random } = this.world;
    const steps = random.chance(50) ? [pause.end, ...pause.due] : [...pause.due, pause.end];
    for (const step of steps) time.soon(step);
  }

  /** Sets this machine's wall clock. */
  jump(ms: number): void {
    this.skewMs += ms;
  }

  async sleep(ms: number): Promise<void> {
    await this.world.time.sleep(ms);
    await this.whileAlive();
  }

  /** Everything after this line in a process that has crashed never happens. */
  async whileAlive(): Promise<void> {
    if (!this.isRunning) await NEVER;
    while (this.pause !== undefined) await this.pause.ended;
  }

  private timers(): Timers {
    const ifAlive = (run: () => void) => () => {
      if (!this.isRunning) return;
      if (this.pause === undefined) run();
      else this.pause.due.push(ifAlive(run));
    };
    const { time } = this.world;
    return {
      soon: (run) => time.soon(ifAlive(run)),
      after: (delayMs, run) => {
        let isCancelled = false;
        const cancel = time.after(
          delayMs,
          ifAlive(() => {
            if (!isCancelled) run();
          }),
        );
        return () => {
          isCancelled = true;
          cancel();
        };
      },
    };
  }

  /** The way to the store: it is unreliable, and ends with the process. */
  private mortal(store: EventStore): EventStore {
    const { weather, random, time, distanceMs } = this.world;
    const faulty = new FaultyEventStore(store, (ms) => time.sleep(ms), {
      append: () => ({ fault: this.nextFault(), arrivesAfterMs: this.delay(), answersAfterMs: this.delay() }),
      isReadable: () => !weather.isStoreDown && !random.chance(weather.faultPercent),
      ...(distanceMs === undefined
        ? {}
        : { read: () => ({ arrivesAfterMs: this.delay(), answersAfterMs: this.delay() }) }),
    });
    const whileAlive = () => this.whileAlive();
    return {
      append: async (...request) => {
        await whileAlive();
        return faulty.append(...request).finally(whileAlive);
      },
      async *readStream(...request) {
        await whileAlive();
        if (distanceMs === undefined) {
          yield* faulty.readStream(...request);
          return;
        }
        const found: StoredEvent[] = [];
        try {
          for await (const stored of faulty.readStream(...request)) found.push(stored);
        } finally {
          await whileAlive();
        }
        yield* found;
      },
      readAll: (options) => faulty.readAll(options),
      streamNames: (prefix) => faulty.streamNames(prefix),
      subscribe: (options) => faulty.subscribe(options),
      lastPosition: () => faulty.lastPosition(),
      close: () => faulty.close(),
    };
  }

  private nextFault(): AppendFault {
    const { weather, random, distanceMs } = this.world;
    if (weather.isStoreDown) return 'unavailable';
    if (!random.chance(weather.faultPercent)) return 'fine';
    return distanceMs === undefined
      ? random.pick(['answer-lost', 'request-lost', 'unavailable'])
      : random.pick(['answer-lost', 'request-lost', 'unavailable', 'delivered-twice', 'delivered-late']);
  }

  private delay(): number {
    const { weather, random, distanceMs = 0 } = this.world;
    return distanceMs + (random.chance(50) ? 0 : random.between(0, weather.delayMsMax));
  }
}
