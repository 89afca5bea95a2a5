import type { SubscribeOptions } from '#event-store';
import { MemoryEventStore } from '#event-store/memory';
import { type BootId, composeEventId, composeId, type EpochMs, type EventId, epochMs, type StoredEvent } from '#kernel';
import { type AppendFault, FaultyEventStore, VirtualTime } from '#testing/simulation';
import { GATEWAY_STREAM_PREFIX, gatewayStream } from './events';
import { Membership, type MembershipOptions } from './membership';

const START = epochMs(1_767_225_600_000);

let counter = 0;
function someBytes(): Uint8Array {
  counter += 1;
  const bytes = new Uint8Array(10);
  new DataView(bytes.buffer).setUint32(6, counter);
  return bytes;
}

export const newEventId = (): EventId => composeEventId(START, someBytes());
/** Younger boots have larger ids. */
export const newBootId = (): BootId => composeId('boot', START, someBytes());

/** A process that can be frozen as a whole: its timers do not fire and nothing is delivered to it until it thaws. */
class Freezer {
  private readonly waiting: (() => void)[] = [];
  isFrozen = false;

  constructor(private readonly time: VirtualTime) {}

  run(task: () => void): void {
    if (this.isFrozen) this.waiting.push(task);
    else task();
  }

  after(delayMs: number, run: () => void): () => void {
    let isCancelled = false;
    this.time.after(delayMs, () => this.run(() => (isCancelled ? undefined : run())));
    return () => {
      isCancelled = true;
    };
  }

  /** Resolves once the process runs. */
  awake(): Promise<void> {
    return new Promise((resolve) => this.run(resolve));
  }

  thaw(): void {
    this.isFrozen = false;
    for (const task of this.waiting.splice(0)) this.run(task);
  }
}

/** One gateway: its membership, its way to the store, and a follower that can be held up. */
export class TestGateway {
  readonly problems: string[] = [];
  readonly deaths: BootId[] = [];
  readonly membership: Membership;
  readonly freezer: Freezer;
  readonly bootId: BootId;
  fault: AppendFault = 'fine';
  arrivesAfterMs = 0;
  answersAfterMs = 0;
  appends = 0;
  private readonly held: (() => void)[] = [];
  private isDeaf = false;

  constructor(
    private readonly world: TestCluster,
    options: Partial<MembershipOptions>,
  ) {
    const { time, store } = world;
    this.freezer = new Freezer(time);
    this.bootId = options.bootId ?? newBootId();
    const faults = {
      append: () => {
        this.appends += 1;
        return { fault: this.fault, arrivesAfterMs: this.arrivesAfterMs, answersAfterMs: this.answersAfterMs };
      },
      isReadable: () => true,
    };
    const faulty = new FaultyEventStore(store, (ms) => time.sleep(ms), faults);
    this.membership = new Membership({
      // Whatever the store answers, a frozen process hears of it when it thaws.
      store: { append: (...append) => faulty.append(...append).finally(() => this.freezer.awake()) },
      clock: time,
      timers: this.freezer,
      bootId: this.bootId,
      peerUrl: `http://${this.bootId}`,
      version: '1.0.0',
      newEventId,
      onProblem: ({ message }) => this.problems.push(message),
      ...options,
    });
    this.membership.onDeath((bootId) => this.deaths.push(bootId));
  }

  /** Follows the store from its beginning, as a gateway does that has just started. */
  follow(): void {
    const hand = (task: () => void) => this.freezer.run(() => (this.isDeaf ? this.held.push(task) : task()));
    const options: SubscribeOptions = {
      streamPrefixes: [GATEWAY_STREAM_PREFIX],
      onEvent: (stored) => hand(() => this.membership.take(stored)),
      onCaughtUp: () => hand(() => this.membership.caughtUp()),
    };
    this.world.store.subscribe(options);
  }

  /** Nothing is delivered to it until it hears again; then all of it is. */
  deaf(isDeaf: boolean): void {
    this.isDeaf = isDeaf;
    if (!isDeaf) for (const task of this.held.splice(0)) task();
  }

  written(): Promise<StoredEvent[]> {
    return collect(this.world.store.readStream(gatewayStream(this.bootId)));
  }
}

export class TestCluster {
  readonly time = new VirtualTime(START);
  readonly store = new MemoryEventStore();

  gateway(options: Partial<MembershipOptions> = {}): TestGateway {
    return new TestGateway(this, options);
  }

  /** A gateway that started, caught up and has held its lease long enough to act. */
  async running(options: Partial<MembershipOptions> = {}): Promise<TestGateway> {
    const gateway = this.gateway(options);
    gateway.follow();
    await this.pass(1);
    void gateway.membership.start();
    await this.pass(2_600);
    return gateway;
  }

  /** In small steps, so that the store's own turns are not overtaken by timers. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 100) await this.time.pass(Math.min(left, 100));
  }

  now(aheadMs = 0): EpochMs {
    return epochMs(this.time.now() + aheadMs);
  }
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}
