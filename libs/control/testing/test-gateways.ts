import { systemIdentifiers } from '#environment';
import { type EventStore, StoreUnavailableError } from '#event-store';
import type { BootId, EncodedEvent, StreamName } from '#kernel';
import type { LedgerPeers, LedgerService } from '#ledger';
import { PassingEventStore } from '#testing/simulation';
import { ScriptedCluster, ScriptedLives } from './scripted-cluster';
import { startOn, type TestMachine, type TestPlatform } from './test-platform';

type Append = Parameters<EventStore['append']>;

/** What a test lets happen around each append of one gateway; a rejection is what the gateway gets to see. */
export interface AppendScript {
  before?(stream: StreamName): Promise<void> | void;
  after?(stream: StreamName): Promise<void> | void;
}

/** One gateway's way to the record. A gateway that has crashed neither writes nor reads any more. */
export class ScriptedStore extends PassingEventStore {
  script: AppendScript = {};
  isCrashed = false;

  override async append(stream: StreamName, expected: Append[1], events: readonly EncodedEvent[]) {
    await this.script.before?.(stream);
    this.assertAlive();
    const written = await this.current.append(stream, expected, events);
    await this.script.after?.(stream);
    this.assertAlive();
    return written;
  }

  override readStream(...args: Parameters<EventStore['readStream']>) {
    this.assertAlive();
    return this.current.readStream(...args);
  }

  /** The record outlives who writes to it. */
  override async close() {}

  private assertAlive(): void {
    if (this.isCrashed) throw new StoreUnavailableError('this gateway has crashed');
  }
}

export interface TestGateway extends TestPlatform {
  readonly bootId: BootId;
  readonly cluster: ScriptedCluster;
  readonly way: ScriptedStore;
  /** From here on it records nothing, and the others know that it is dead. */
  crash(): void;
}

/** Gateways over one record; their ledgers know each other, and who is alive is what the test says. */
export class TestGateways {
  readonly lives = new ScriptedLives();
  readonly gateways: TestGateway[] = [];
  private readonly ledgers = new Map<BootId, LedgerService>();

  constructor(readonly machine: TestMachine) {}

  async start(): Promise<TestGateway> {
    const bootId = systemIdentifiers(this.machine.clock).id('boot');
    const cluster = new ScriptedCluster(bootId, this.lives);
    const way = new ScriptedStore(this.machine.store);
    const isOwnerAlive = (owner: BootId) => cluster.isAlive(owner);
    const platform = await startOn(this.machine, way, { cluster, isOwnerAlive, peers: this.peersOf(bootId) });
    this.ledgers.set(bootId, platform.ledger);
    const crash = () => {
      way.isCrashed = true;
      this.lives.die(bootId);
    };
    const gateway: TestGateway = { ...platform, bootId, cluster, way, crash };
    this.gateways.push(gateway);
    return gateway;
  }

  async close(): Promise<void> {
    for (const { way } of this.gateways) way.script = {};
    await Promise.all(this.gateways.map((gateway) => gateway.close()));
  }

  private peersOf(self: BootId): LedgerPeers {
    return {
      self,
      forward: async (to, orgId, commands, timeoutMs) => {
        const ledger = this.lives.isAlive(to) ? this.ledgers.get(to) : undefined;
        if (ledger === undefined) throw new Error('it cannot be reached');
        return ledger.takeForwarded(orgId, commands, timeoutMs);
      },
    };
  }
}
