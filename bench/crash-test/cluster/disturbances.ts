import { setTimeout as sleep } from 'node:timers/promises';
import type { CrashOptions } from '../options';
import type { Random } from '../random';
import type { Cluster, Member } from './cluster';

const OF_GATEWAYS = ['kill', 'kill-in-start', 'pause', 'long-pause', 'terminate'] as const;
const OF_STORES = ['store-kill', 'store-pause'] as const;
type GatewayDisturbance = (typeof OF_GATEWAYS)[number];
type StoreDisturbance = (typeof OF_STORES)[number];
export type DisturbanceKind = GatewayDisturbance | StoreDisturbance;

/** How often each comes, against the others; every entry of the list is as likely. */
const GATEWAY_DECK: readonly GatewayDisturbance[] = [
  ...Array<GatewayDisturbance>(12).fill('kill'),
  ...Array<GatewayDisturbance>(2).fill('kill-in-start'),
  ...Array<GatewayDisturbance>(3).fill('pause'),
  'long-pause',
  ...Array<GatewayDisturbance>(3).fill('terminate'),
];
const STORE_SHARE = 0.1;

/** Within what a lease forgives, and beyond it. */
const PAUSE_MS = [500, 9_000] as const;
const LONG_PAUSE_MS = [16_000, 25_000] as const;
const STORE_PAUSE_MS = [200, 8_000] as const;
const KILLED_IN_START_MS = [20, 3_000] as const;
const NOBODY_FREE_MS = 100;
/** The last one that serves is disturbed too, but not so often that hardly a call gets through. */
const LAST_ONE_SHARE = 0.15;

/** Disturbs gateways and store, as its random numbers say, and brings each of them back. */
export class Disturbances {
  readonly counts = new Map<DisturbanceKind, number>();
  kills = 0;
  readonly #healing = new Set<Promise<void>>();

  constructor(
    private readonly cluster: Cluster,
    private readonly random: Random,
    private readonly options: CrashOptions,
    private readonly tell: (what: string) => void,
  ) {}

  /** Resolves once so many processes were killed, all told, and everything runs again. */
  async untilKills(kills: number): Promise<void> {
    const { random, options } = this;
    while (this.kills < kills) {
      await sleep(random.between(options.secondsMin, options.secondsMax) * 1_000);
      const wanted = Math.ceil(random.between(0, options.atOnceMax));
      for (let index = 0; index < wanted; index += 1) this.#disturbOne();
      if (this.cluster.serving.length === 0) await sleep(NOBODY_FREE_MS);
    }
    await Promise.all(this.#healing);
  }

  #disturbOne(): void {
    const { cluster, random } = this;
    if (random.chance(STORE_SHARE)) {
      const kind = random.pick(OF_STORES);
      if (!cluster.isStoreDisturbed) this.#begin(kind, 'the store', this.#ofStore(kind));
      return;
    }
    const kind = random.pick(GATEWAY_DECK);
    const { serving } = cluster;
    const member = serving.length === 0 ? undefined : random.pick(serving);
    if (member !== undefined && (serving.length > 1 || random.chance(LAST_ONE_SHARE)))
      this.#begin(kind, member.name, this.#ofGateway(kind, member));
  }

  #begin(kind: DisturbanceKind, whom: string, healed: Promise<void>): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    this.tell(`${kind} ${whom}`);
    const healing = healed.finally(() => {
      this.#healing.delete(healing);
      this.tell(`${whom} is back after ${kind}`);
    });
    this.#healing.add(healing);
  }

  async #ofGateway(kind: GatewayDisturbance, member: Member): Promise<void> {
    const { cluster } = this;
    member.isDisturbed = true;
    switch (kind) {
      case 'kill':
      case 'kill-in-start':
        this.kills += 1;
        await cluster.kill(member);
        if (kind === 'kill-in-start') await this.#killInStart(member);
        await cluster.restart(member);
        break;
      case 'pause':
        await this.#pause(member, this.random.between(...PAUSE_MS));
        break;
      case 'long-pause':
        await this.#pause(member, this.random.between(...LONG_PAUSE_MS));
        break;
      case 'terminate':
        await cluster.terminate(member);
        await cluster.restart(member);
        break;
      default:
        throw new Error(`unknown disturbance ${String(kind satisfies never)}`);
    }
    member.isDisturbed = false;
  }

  async #killInStart({ gateway }: Member): Promise<void> {
    await gateway.respawn();
    await sleep(this.random.between(...KILLED_IN_START_MS));
    await gateway.kill('SIGKILL');
    this.kills += 1;
  }

  async #pause({ gateway }: Member, ms: number): Promise<void> {
    gateway.pause();
    await sleep(ms);
    gateway.resume();
  }

  async #ofStore(kind: StoreDisturbance): Promise<void> {
    const { store } = this.cluster;
    this.cluster.isStoreDisturbed = true;
    this.cluster.storeDisturbances += 1;
    if (kind === 'store-kill') {
      if (store.isKilledForReal) this.kills += 1;
      await store.killAndRestart();
    } else {
      store.pause();
      await sleep(this.random.between(...STORE_PAUSE_MS));
      store.resume();
    }
    this.cluster.isStoreDisturbed = false;
  }
}
