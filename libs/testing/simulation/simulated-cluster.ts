import type { BootId, CallId, DecodedEvent } from '#kernel';
import { type LedgerEvent, LedgerUnavailableError, type LedgerWriterSettings } from '#ledger';
import type { LedgerOracle } from './ledger-oracle';
import { type ForwardRoute, PeerNetwork } from './peer-network';
import type { Random } from './random';
import type { RecordedStore } from './recorded-store';
import { LEASE_MS, SimulatedLeases } from './simulated-leases';
import { SimulatedProcess, type Weather } from './simulated-process';
import type { ClusterCounts } from './simulation-report';
import type { VirtualTime } from './virtual-time';

const SKEW_MS_MAX = 1_000;
const PAUSE_MS_MAX = 60_000;
/** One gateway is so many times farther from the store and from the others. */
export const FAR = 10;

interface ClusterWorld {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly weather: Weather;
  readonly store: RecordedStore;
  readonly settings: Partial<LedgerWriterSettings>;
  readonly onHistoryChanged: () => void;
  /** How far the near gateways are from everything. Default: it follows from the seed. */
  readonly nearMs?: number;
}

/** Several gateways on one store: how far away each is, who hears whom, and who takes whom for dead. */
export class SimulatedCluster {
  readonly network: PeerNetwork;
  readonly leases: SimulatedLeases;
  private pauses = 0;
  private recordedForOthers = 0;
  private expiriesOfLiving = 0;
  private readonly crashed = new Set<string>();
  private readonly authorized = new Map<CallId, { readonly owner: BootId; readonly atMs: number }>();
  private readonly distances = new Map<BootId, number>();
  private readonly nearMs: number;

  constructor(
    private readonly world: ClusterWorld,
    readonly gateways: number,
  ) {
    const { time, random } = world;
    this.nearMs = world.nearMs ?? random.pick([0, 1, 5, 20]);
    this.network = new PeerNetwork(time, (from, to) => this.route(from, to));
    this.leases = new SimulatedLeases(() => time.monotonicMs());
  }

  /** Starts the gateway of one place; the last place is far away. */
  start(place: number): SimulatedProcess {
    const { time, random, weather, store, settings, onHistoryChanged } = this.world;
    const distanceMs = this.nearMs * (place === this.gateways - 1 ? FAR : 1);
    const process = new SimulatedProcess({
      time,
      random,
      weather,
      store,
      settings,
      distanceMs,
      onHistoryChanged,
      isOwnerAlive: (owner, observer) => this.leases.isAliveFor(observer, owner),
      peersOf: (self) => this.network.peersOf(self.boot, () => self.whileAlive()),
    });
    process.jump(random.between(-SKEW_MS_MAX, SKEW_MS_MAX));
    this.distances.set(process.boot, distanceMs);
    this.leases.joined(process.boot);
    this.network.join(process.boot, process);
    process.ledger.watch();
    return process;
  }

  crash(process: SimulatedProcess): void {
    process.crash();
    this.crashed.add(process.boot);
    this.leases.fellSilent(process.boot);
    this.network.leave(process.boot);
  }

  /** Stops a gateway for up to a minute; others may take it for dead meanwhile. */
  pause(process: SimulatedProcess): void {
    const { time, random } = this.world;
    this.pauses += 1;
    process.stopForNow();
    this.leases.fellSilent(process.boot);
    time.after(random.between(1_000, PAUSE_MS_MAX), () => this.goOn(process));
  }

  goOn(process: SimulatedProcess): void {
    if (!process.isPaused) return;
    this.leases.wentOn(process.boot);
    process.goOn();
  }

  /** When a lease may have run out, a gateway looks for holds that nobody will end. */
  async sweepAfterLease(process: SimulatedProcess, org: Parameters<SimulatedProcess['ledger']['read']>[0]) {
    await process.sleep(LEASE_MS + 1);
    for (;;) {
      try {
        await process.ledger.sweepOrphans([org]);
        return;
      } catch (error) {
        if (!(error instanceof LedgerUnavailableError)) throw error;
      }
      await process.sleep(1_000);
    }
  }

  /** Takes in one event that has just become durable. */
  recorded({ event, metadata: { gateway } }: DecodedEvent<LedgerEvent>, oracle: LedgerOracle): void {
    oracle.expect(gateway !== undefined, `${event.type} names no gateway`);
    if (event.type === 'InferenceAuthorized') {
      const { callId, owner } = event.data;
      this.authorized.set(callId, { owner, atMs: this.world.time.monotonicMs() });
      if (owner !== gateway) this.recordedForOthers += 1;
    }
    if (event.type !== 'InferenceUnresolved' || event.data.reason !== 'owner-dead') return;
    const call = this.authorized.get(event.data.callId);
    if (call !== undefined && !this.crashed.has(call.owner)) this.expiriesOfLiving += 1;
  }

  /** Whether a call's owner has crashed or been paused since it was authorized. */
  wasSilentIn(callId: CallId): boolean {
    const call = this.authorized.get(callId);
    return call !== undefined && this.leases.wasSilentSince(call.owner, call.atMs);
  }

  counts(): ClusterCounts {
    const { pauses, recordedForOthers, expiriesOfLiving } = this;
    const { forwards, lost: lostForwards } = this.network;
    const { conflicts } = this.world.store;
    return { conflicts, forwards, lostForwards, recordedForOthers, pauses, expiriesOfLiving };
  }

  private route(from: BootId, to: BootId): ForwardRoute {
    const { random, weather } = this.world;
    const isBad = random.chance(weather.faultPercent);
    const fault = isBad ? random.pick(['request-lost', 'answer-lost', 'delivered-twice'] as const) : 'fine';
    const wayMs = () =>
      Math.max(this.distances.get(from) ?? 0, this.distances.get(to) ?? 0) +
      (random.chance(50) ? 0 : random.between(0, weather.delayMsMax));
    return { fault, arrivesAfterMs: wayMs(), answersAfterMs: wayMs() };
  }
}
