import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { GatewayProcess, type StoreServer } from '#testing/gateway-cluster';
import type { Violations } from '../violations';

/** A gateway beside the others; one that is being disturbed is left alone by everybody else until it serves again. */
export interface Member {
  readonly name: string;
  readonly gateway: GatewayProcess;
  /** What its runs have written. */
  readonly logFile: string;
  isDisturbed: boolean;
}

/** Running calls may go on for so long after SIGTERM. */
const DRAIN_SECONDS = '5';
/** Also where its store is away for a while, or the machine has more to do than it can. */
const READY_MS_MAX = 120_000;
const STARTS_MAX = 10;

/** Several gateways on one store. */
export class Cluster {
  readonly members: Member[] = [];
  isStoreDisturbed = false;
  storeDisturbances = 0;
  /** Starts that ended because the store went away in their middle. */
  startsGivenUp = 0;

  private constructor(
    readonly store: StoreServer,
    private readonly violations: Violations,
  ) {}

  static async start(
    store: StoreServer,
    directory: string,
    gateways: number,
    violations: Violations,
  ): Promise<Cluster> {
    const cluster = new Cluster(store, violations);
    for (let index = 0; index < gateways; index += 1) {
      const gateway = GatewayProcess.spawn({
        connectionString: store.connectionString,
        sharedDir: join(directory, 'shared'),
        dataDir: join(directory, `gateway-${index}`),
        environment: { AIAAS_DRAIN_SECONDS: DRAIN_SECONDS },
      });
      const logFile = join(directory, `gateway-${index}.log`);
      cluster.members.push({ name: `gateway ${index}`, gateway, logFile, isDisturbed: false });
      // The first one makes what an empty platform needs; the others find it.
      await gateway.ready(READY_MS_MAX);
    }
    return cluster;
  }

  /** Those that should be serving now. */
  get serving(): Member[] {
    return this.members.filter(({ isDisturbed }) => !isDisturbed);
  }

  async kill({ gateway, name }: Member): Promise<void> {
    const { code, signal } = await gateway.kill('SIGKILL');
    if (signal !== 'SIGKILL') this.violations.add(`${name} ended by itself with ${code}: ${gateway.stderr}`);
  }

  /** Asks it to end in good order. */
  async terminate({ gateway, name }: Member): Promise<void> {
    const timer = setTimeout(() => gateway.signal('SIGKILL'), READY_MS_MAX);
    const { code, signal } = await gateway.kill('SIGTERM');
    clearTimeout(timer);
    if (code !== 0) this.violations.add(`${name} answered SIGTERM with ${signal ?? code}: ${gateway.stderr}`);
  }

  /** After it has ended. One that gives up because its store goes away meanwhile is started again, as by its host. */
  async restart({ gateway, name, logFile }: Member): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      appendFileSync(logFile, gateway.output);
      await gateway.respawn();
      const disturbedBefore = this.storeDisturbances;
      try {
        await gateway.ready(READY_MS_MAX);
        return;
      } catch (error) {
        const wasStoreAway = this.isStoreDisturbed || this.storeDisturbances !== disturbedBefore;
        if (!wasStoreAway || tries === STARTS_MAX) {
          this.violations.add(`${name}: ${String(error)}`);
          return;
        }
        this.startsGivenUp += 1;
        await gateway.kill('SIGKILL');
      }
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map(({ gateway }) => gateway.kill('SIGKILL')));
    for (const { gateway, logFile } of this.members) appendFileSync(logFile, gateway.output);
    await this.store.stop();
  }
}
