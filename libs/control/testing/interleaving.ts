import type { Random } from '#testing/simulation';
import type { TestGateway } from './test-gateways';
import type { HandClock } from './test-platform';

interface Parked {
  readonly gateway: TestGateway;
  readonly goOn: () => void;
}

/** How a test's gateways may fare, in percent of the appends that they make. */
export interface Perils {
  readonly crashPercent: number;
  readonly pausePercent: number;
}

const STEPS_PAUSED_MAX = 60;
const QUIET_TURNS = 12;

/**
 * Decides which of several gateways goes on, append by append: each stops before and after every append until its turn
 * comes. It may crash there, or be paused for so long that the others hold it dead; all of it follows from the seed.
 */
export class Interleaving {
  private readonly parked: Parked[] = [];
  private readonly pausedUntil = new Map<TestGateway, number>();
  private steps = 0;
  crashes = 0;
  pauses = 0;

  constructor(
    private readonly random: Random,
    private readonly clock: HandClock,
    private readonly perils: Perils,
    private readonly lives: { comeBack(bootId: TestGateway['bootId']): void; die(bootId: TestGateway['bootId']): void },
  ) {}

  watch(gateway: TestGateway): void {
    const park = () => new Promise<void>((resolve) => this.parked.push({ gateway, goOn: resolve }));
    gateway.way.script = { before: park, after: park };
  }

  /** Lets gateways go on until some work is done. */
  async until(work: Promise<unknown>): Promise<void> {
    let isDone = false;
    void work.finally(() => {
      isDone = true;
    });
    for (let quiet = 0; !isDone; ) {
      await new Promise((resolve) => setImmediate(resolve));
      if (this.step()) quiet = 0;
      else quiet += 1;
      if (quiet < QUIET_TURNS) continue;
      // Everybody waits for time to pass, or for somebody who is paused.
      quiet = 0;
      this.clock.advance(50);
      if (!this.wakeOne()) await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** From here on nobody is held up. */
  end(): void {
    for (const gateway of this.pausedUntil.keys()) this.wake(gateway);
    for (const { gateway, goOn } of this.parked.splice(0)) {
      gateway.way.script = {};
      goOn();
    }
  }

  private step(): boolean {
    for (const [gateway, until] of this.pausedUntil) if (this.steps >= until) this.wake(gateway);
    const ready = this.parked.filter(({ gateway }) => !this.pausedUntil.has(gateway));
    const next = ready[this.random.between(0, Math.max(0, ready.length - 1))];
    if (next === undefined) return false;
    this.steps += 1;
    const { gateway } = next;
    if (!gateway.way.isCrashed && this.random.chance(this.perils.pausePercent)) {
      this.pauses += 1;
      this.pausedUntil.set(gateway, this.steps + this.random.between(1, STEPS_PAUSED_MAX));
      this.lives.die(gateway.bootId);
      return true;
    }
    if (!gateway.way.isCrashed && this.random.chance(this.perils.crashPercent)) {
      this.crashes += 1;
      gateway.crash();
    }
    this.parked.splice(this.parked.indexOf(next), 1);
    next.goOn();
    return true;
  }

  private wakeOne(): boolean {
    const [gateway] = this.pausedUntil.keys();
    if (gateway !== undefined) this.wake(gateway);
    return gateway !== undefined;
  }

  private wake(gateway: TestGateway): void {
    this.pausedUntil.delete(gateway);
    if (!gateway.way.isCrashed) this.lives.comeBack(gateway.bootId);
  }
}
