import type { EventStore } from '#event-store';
import type { BootId, Clock, EventId, StoredEvent, StreamName } from '#kernel';
import { ClockComparison, type RecordedAt } from './clock-comparison';
import { gatewayCodec, parseGatewayStream } from './events';
import { Heartbeat, type MembershipTimers } from './heartbeat';
import { OwnEcho } from './own-echo';
import { OwnLease } from './own-lease';
import { type Acknowledgement, momentOf, OwnStream } from './own-stream';
import { PeerLeases } from './peer-leases';
import { type MembershipSettings, membershipSettings } from './settings';

export interface MembershipOptions {
  readonly store: Pick<EventStore, 'append'>;
  readonly clock: Clock;
  readonly timers: MembershipTimers;
  readonly bootId: BootId;
  /** Where the other gateways reach this one. */
  readonly peerUrl: string;
  /** Of the program; on record for operators. */
  readonly version: string;
  readonly newEventId: () => EventId;
  readonly settings?: Partial<MembershipSettings>;
  /** Where the store has a clock of its own to compare with. */
  readonly recordedAt?: RecordedAt;
  /** Called once after the start is recorded, so that the stream of beats does not grow for ever. */
  readonly limitHistory?: (stream: StreamName) => Promise<void>;
  readonly onProblem: (problem: Error) => void;
}

export type DeathListener = (bootId: BootId) => void;

/**
 * Who is alive in a cluster of gateways, by events that each of them writes into a stream of its own. `take` and
 * `caughtUp` are fed by this process's one follower of the store.
 *
 * What holds: while a gateway's own `leaseHolds()` is true, no other gateway answers `isAlive` for it with false. See
 * docs/adr, "Leases are beats in the record".
 */
export class Membership {
  private readonly settings: MembershipSettings;
  private readonly stream: OwnStream;
  private readonly heartbeat: Heartbeat;
  private readonly echo: OwnEcho;
  private readonly ownLease: OwnLease;
  private readonly peers: PeerLeases;
  private readonly clocks: ClockComparison | undefined;
  private readonly listeners: DeathListener[] = [];
  private isCaughtUp = false;
  private isStopped = false;
  private isLimited = false;
  private isUnreadableReported = false;
  /** Until then a boot without a trace counts as alive; monotonic. */
  private graceUntilMs = Number.POSITIVE_INFINITY;
  private cancelWatch: (() => void) | undefined;

  /** @throws RangeError when the settings contradict each other. */
  constructor(private readonly options: MembershipOptions) {
    const { store, clock, timers, bootId, peerUrl, version, newEventId, recordedAt, onProblem } = options;
    this.settings = membershipSettings(options.settings ?? {});
    this.echo = new OwnEcho(this.settings.freshMsMax);
    this.ownLease = new OwnLease(this.settings);
    this.peers = new PeerLeases(this.settings);
    if (recordedAt !== undefined)
      this.clocks = new ClockComparison({ recordedAt, skewMsMax: this.settings.skewMsMax, onProblem });
    const onSend = (revision: bigint, sent: { readonly monotonicMs: number }): void =>
      this.echo.sent(revision, sent.monotonicMs);
    this.stream = new OwnStream({ store, clock, bootId, newEventId, onSend });
    this.heartbeat = new Heartbeat({
      stream: this.stream,
      clock,
      timers,
      settings: this.settings,
      started: { type: 'GatewayStarted', data: { bootId, peerUrl, version } },
      beat: { type: 'GatewayBeat', data: { bootId, peerUrl } },
      stopped: { type: 'GatewayStopped', data: { bootId } },
      onAcknowledged: (acknowledgement) => this.acknowledged(acknowledgement),
      onProblem,
    });
  }

  /**
   * Records that this gateway started, however long that takes, and beats from then on.
   * @throws MembershipEndedError when stopped meanwhile, or when somebody else writes this gateway's stream.
   */
  async start(): Promise<void> {
    this.watch();
    await this.heartbeat.start();
  }

  /** The last thing that a gateway does: from here on the others take every call that it still holds for orphaned. */
  async stop(): Promise<void> {
    this.isStopped = true;
    this.cancelWatch?.();
    await this.heartbeat.stop();
  }

  /** One event that the follower was given; those of other streams are ignored. Never throws. */
  take(stored: StoredEvent): void {
    const bootId = parseGatewayStream(stored.stream);
    if (bootId === undefined) return;
    if (bootId === this.options.bootId) this.cameBack(stored.revision);
    else if (stored.type === 'GatewayStopped') this.heardStop(bootId);
    // Whatever a gateway writes, even what a newer program says, is a sign of its life.
    else this.peers.heard(bootId, this.peerUrlIn(stored), this.nowMs);
  }

  /** History is delivered: from here on time is counted. Later calls change nothing. */
  caughtUp(): void {
    if (this.isCaughtUp) return;
    this.isCaughtUp = true;
    // A boot that is known from history alone may have been alive until just now.
    this.beginLeases();
  }

  /** Whether this process knows all that was recorded until freshMsMax ago; else its caches must not be relied on. */
  isFresh(): boolean {
    return this.isCaughtUp && this.echo.isFresh(this.nowMs);
  }

  /**
   * Resolves with true once this process knows everything that anybody had recorded before the call: a beat of its own
   * is sent and waited for. False when that takes longer than freshMsMax. However many ask at once, one beat serves them.
   */
  barrier(): Promise<boolean> {
    const { clock, timers } = this.options;
    return new Promise((resolve) => {
      const forget = this.echo.onceKnown(clock.monotonicMs(), () => {
        cancel();
        resolve(true);
      });
      const cancel = timers.after(this.settings.freshMsMax, () => {
        forget();
        resolve(false);
      });
      this.heartbeat.hurry();
    });
  }

  /**
   * Whether this gateway may act: to be asked before a call is authorized and again right before it is dispatched. It
   * is false for the first freshMsMax after the start, and after a lease was lost.
   */
  leaseHolds(): boolean {
    return !this.isStopped && !this.heartbeat.isBroken && this.ownLease.holds(momentOf(this.options.clock));
  }

  /**
   * Whether a boot can still end what it began. Where this process cannot know, since it is not fresh or has only just
   * caught up, the answer is yes for all that did not stop, and the death listeners hear of it should that turn out wrong.
   */
  isAlive(bootId: BootId): boolean {
    if (bootId === this.options.bootId) return !this.isStopped;
    const isSure = this.isFresh();
    if (isSure) this.lapse();
    if (this.isDead(bootId, isSure)) return false;
    this.peers.vouchFor(bootId, this.nowMs);
    return true;
  }

  /** Where a living gateway is reached. */
  peerUrlOf(bootId: BootId): string | undefined {
    return bootId === this.options.bootId ? this.options.peerUrl : this.peers.peerUrlOf(bootId);
  }

  /** Everybody who counts as alive, this process included, the eldest first. */
  living(): readonly BootId[] {
    const { bootId } = this.options;
    if (this.isFresh()) this.lapse();
    return (this.isStopped ? this.peers.living : [bootId, ...this.peers.living]).toSorted();
  }

  /** Whether this is the gateway that does what one of them should do: a matter of economy, never of correctness. */
  isEldest(): boolean {
    return !this.isStopped && this.living()[0] === this.options.bootId;
  }

  /**
   * Calls back, in a turn of its own, for each gateway that dies from here on: once for each time that it counted as
   * alive before, so again when it came back, or was vouched for anew, and died again. A stop that is history when this process catches up is told only of a boot that was asked about before.
   */
  onDeath(listener: DeathListener): void {
    this.listeners.push(listener);
  }

  /** How far this machine's clock is proven to be ahead of the store's, as last measured; negative when behind. */
  clockSkewMs(): number | undefined {
    return this.clocks?.skewMs;
  }

  /** Whether this gateway may decide about time: not before its clock was compared, where the store has one. */
  isClockTrusted(): boolean {
    if (this.clocks === undefined) return true;
    const { skewMs } = this.clocks;
    return skewMs !== undefined && Math.abs(skewMs) <= this.settings.skewMsMax;
  }

  private get nowMs(): number {
    return this.options.clock.monotonicMs();
  }

  private acknowledged(acknowledgement: Acknowledgement): void {
    this.ownLease.acknowledged(acknowledgement);
    void this.clocks?.compare(this.stream.name, acknowledgement);
    if (this.isLimited) return;
    this.isLimited = true;
    void this.limitHistory();
  }

  private async limitHistory(): Promise<void> {
    try {
      await this.options.limitHistory?.(this.stream.name);
    } catch (error) {
      this.options.onProblem(
        new Error('the stream of this gateway could not be limited and will grow until it stops', { cause: error }),
      );
    }
  }

  private cameBack(revision: bigint): void {
    const wasFresh = this.isFresh();
    this.echo.returned(revision);
    // While this process heard nothing, the others may have been unable to beat, or have beaten unheard: whoever was not
    // dead when it lost touch gets one whole lease from now on.
    if (!wasFresh && this.isFresh()) this.beginLeases();
  }

  private beginLeases(): void {
    this.peers.renewAll(this.nowMs);
    this.graceUntilMs = this.nowMs + this.settings.leaseMs;
  }

  private isDead(bootId: BootId, isSure: boolean): boolean {
    const status = this.peers.statusOf(bootId);
    switch (status) {
      case 'alive':
        return false;
      case 'stopped':
        return true;
      // One that was given up may have come back unheard.
      case 'lapsed':
        return isSure;
      case 'unknown':
        return isSure && this.nowMs >= this.graceUntilMs;
    }
  }

  private heardStop(bootId: BootId): void {
    const before = this.peers.statusOf(bootId);
    const wasVouchedFor = this.peers.stopped(bootId);
    if (wasVouchedFor || (this.isCaughtUp && (before === 'alive' || before === 'unknown'))) this.announce(bootId);
  }

  /** Only while this process is fresh: else it could not tell a silent gateway from its own deafness. */
  private lapse(): void {
    for (const bootId of this.peers.lapse(this.nowMs)) this.announce(bootId);
  }

  private watch(): void {
    this.cancelWatch = this.options.timers.after(this.settings.beatMs, () => {
      if (this.isFresh()) this.lapse();
      this.watch();
    });
  }

  private announce(bootId: BootId): void {
    this.options.timers.after(0, () => {
      if (this.isStopped) return;
      for (const listener of this.listeners) this.tell(listener, bootId);
    });
  }

  private tell(listener: DeathListener, bootId: BootId): void {
    try {
      listener(bootId);
    } catch (error) {
      this.options.onProblem(new Error(`the end of ${bootId} could not be dealt with`, { cause: error }));
    }
  }

  private peerUrlIn(stored: StoredEvent): string | undefined {
    try {
      const event = gatewayCodec.decode(stored)?.event;
      return event === undefined || event.type === 'GatewayStopped' ? undefined : event.data.peerUrl;
    } catch (error) {
      if (!this.isUnreadableReported)
        this.options.onProblem(
          new Error('an event of another gateway cannot be read, and counts as a sign of life alone', { cause: error }),
        );
      this.isUnreadableReported = true;
      return undefined;
    }
  }
}
