import type { BootId } from '#kernel';
import type { Cluster } from '../cluster';

/** Who is alive, as a test says; shared by all gateways of a test. */
export class ScriptedLives {
  private readonly dead = new Set<BootId>();
  private readonly listeners: ((bootId: BootId) => void)[] = [];

  isAlive(bootId: BootId): boolean {
    return !this.dead.has(bootId);
  }

  /** To all others: a process that was only paused does not know. */
  die(bootId: BootId): void {
    this.dead.add(bootId);
    for (const listener of this.listeners) listener(bootId);
  }

  comeBack(bootId: BootId): void {
    this.dead.delete(bootId);
  }

  onDeath(listener: (bootId: BootId) => void): void {
    this.listeners.push(listener);
  }
}

/** One gateway's view of the others: current, unless the test says otherwise. */
export class ScriptedCluster implements Cluster {
  readonly streamPrefix = 'gateway-';
  fresh = true;
  eldest = true;
  barriers = 0;
  /** What the next barriers wait for. */
  barrierEnds: () => Promise<boolean> = async () => true;

  constructor(
    readonly bootId: BootId,
    private readonly lives: ScriptedLives,
  ) {}

  take(): void {}

  caughtUp(): void {}

  isFresh(): boolean {
    return this.fresh;
  }

  barrier(): Promise<boolean> {
    this.barriers += 1;
    return this.barrierEnds();
  }

  onDeath(listener: (bootId: BootId) => void): void {
    this.lives.onDeath((bootId) => {
      if (bootId !== this.bootId) listener(bootId);
    });
  }

  isAlive(bootId: BootId): boolean {
    return bootId === this.bootId || this.lives.isAlive(bootId);
  }

  isEldest(): boolean {
    return this.eldest;
  }
}
