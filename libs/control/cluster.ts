import type { BootId, StoredEvent } from '#kernel';

/** Where several gateways share one store: who they are, and how current this process's knowledge is. */
export interface Cluster {
  /** Its streams are followed with the control streams, so that their order tells how current those are. */
  readonly streamPrefix: string;
  take(stored: StoredEvent): void;
  caughtUp(): void;
  /** Whether everything that was recorded until a moment ago is known. */
  isFresh(): boolean;
  /** Resolves with true once everything is known that was recorded before the call; with false when it takes too long. */
  barrier(): Promise<boolean>;
  /** Called back for each gateway that has died. */
  onDeath(listener: (bootId: BootId) => void): void;
  /** Whether a process can still end what it began. */
  isAlive(bootId: BootId): boolean;
  /** This process. */
  readonly bootId: BootId;
  /** Whether this is the gateway that does what one of them should do. */
  isEldest(): boolean;
}
