import type { BootId } from '#kernel';
import type { MembershipSettings } from './settings';

interface Lease {
  readonly untilMs: number;
  readonly peerUrl?: string;
  /** Somebody was told that this boot is alive, and relies on hearing of its end. */
  readonly isVouchedFor: boolean;
}

/** The leases of the other gateways, by this process's own monotonic clock. Whether they may end is decided outside. */
export class PeerLeases {
  /** The one heard of longest ago comes first. */
  private readonly leases = new Map<BootId, Lease>();
  /** A lapsed boot may come back, one that stopped never does. */
  private readonly dead = new Map<BootId, 'lapsed' | 'stopped'>();

  constructor(private readonly settings: MembershipSettings) {}

  /** A sign of life. */
  heard(bootId: BootId, peerUrl: string | undefined, nowMs: number): void {
    if (this.dead.get(bootId) === 'stopped') return;
    this.dead.delete(bootId);
    const before = this.leases.get(bootId);
    const url = peerUrl ?? before?.peerUrl;
    this.set(bootId, {
      untilMs: nowMs + this.settings.leaseMs,
      ...(url === undefined ? {} : { peerUrl: url }),
      isVouchedFor: before?.isVouchedFor ?? false,
    });
  }

  /** Says that a boot is alive, and remembers that it was said. */
  vouchFor(bootId: BootId, nowMs: number): void {
    const lease = this.leases.get(bootId);
    if (lease?.isVouchedFor === true) return;
    this.dead.delete(bootId);
    this.set(bootId, { untilMs: nowMs + this.settings.leaseMs, ...lease, isVouchedFor: true });
  }

  /** @returns whether somebody relied on its being alive. */
  stopped(bootId: BootId): boolean {
    const wasVouchedFor = this.leases.get(bootId)?.isVouchedFor === true;
    this.bury(bootId, 'stopped');
    return wasVouchedFor;
  }

  /** Every boot that is not dead gets one whole lease from now on. */
  renewAll(nowMs: number): void {
    const untilMs = nowMs + this.settings.leaseMs;
    for (const [bootId, lease] of this.leases) this.leases.set(bootId, { ...lease, untilMs });
  }

  /** Ends the leases that have run out. @returns whose they were. */
  lapse(nowMs: number): readonly BootId[] {
    const lapsed = [...this.leases].filter(([, { untilMs }]) => nowMs >= untilMs).map(([bootId]) => bootId);
    for (const bootId of lapsed) this.bury(bootId, 'lapsed');
    return lapsed;
  }

  statusOf(bootId: BootId): 'alive' | 'lapsed' | 'stopped' | 'unknown' {
    return this.leases.has(bootId) ? 'alive' : (this.dead.get(bootId) ?? 'unknown');
  }

  peerUrlOf(bootId: BootId): string | undefined {
    return this.leases.get(bootId)?.peerUrl;
  }

  get living(): readonly BootId[] {
    return [...this.leases.keys()];
  }

  private set(bootId: BootId, lease: Lease): void {
    this.leases.delete(bootId);
    this.leases.set(bootId, lease);
    trim(this.leases, this.settings.gatewaysMax);
  }

  private bury(bootId: BootId, how: 'lapsed' | 'stopped'): void {
    this.leases.delete(bootId);
    this.dead.set(bootId, how);
    trim(this.dead, this.settings.gatewaysMax);
  }
}

/** Whoever is forgotten is unknown from then on, which comes to dead as soon as the first lease is over. */
function trim(map: Map<BootId, unknown>, entriesMax: number): void {
  for (const bootId of map.keys()) {
    if (map.size <= entriesMax) return;
    map.delete(bootId);
  }
}
