import { setTimeout as sleep } from 'node:timers/promises';
import { GATEWAY_STREAM_PREFIX, HttpLedgerPeers, Membership, PeerServer } from '#cluster';
import { ConfigurationError } from '#configuration';
import type { Cluster } from '#control';
import { systemClock, systemIdentifiers, systemTimers } from '#environment';
import type { Check } from '#gateway';
import type { BootId } from '#kernel';
import type { LedgerPeers, LedgerService } from '#ledger';
import type { Logger } from '#telemetry';
import type { Engines, Sharing } from './engines';
import { isAddressError } from './expected-errors';
import { urlOf } from './url-of';
import { version } from './version';

/** How often a gateway that starts looks whether the others know it by now. */
const KNOWN_POLL_MS = 50;
/** While it waits so long, the log says what for. */
const KNOWN_REPORT_MS = 10_000;

/** This process as one gateway of several on the same record. */
export class ClusterNode {
  private ledger: LedgerService | undefined;
  private failure: Error | undefined;

  private constructor(
    readonly membership: Membership,
    readonly peers: LedgerPeers,
    private readonly server: PeerServer,
    private readonly closePeers: () => Promise<void>,
    private readonly logger: Logger,
  ) {}

  /**
   * Listens for the other gateways; nothing is recorded before `start`.
   * @throws ConfigurationError when it cannot listen where it should.
   */
  static async open(store: Engines['store'], sharing: Sharing, bootId: BootId, logger: Logger): Promise<ClusterNode> {
    const { peer, peerKey, limits, recordedAt, limitHistory } = sharing;
    const onProblem = (error: Error): void => logger.warn({ error }, 'cluster');
    const identifiers = systemIdentifiers(systemClock);
    let node: ClusterNode | undefined;
    const server = await PeerServer.listen({
      self: bootId,
      peerKey,
      clock: systemClock,
      host: peer.host,
      port: peer.port,
      takeForwarded: async (orgId, commands, timeoutMs) => {
        if (node?.ledger === undefined) throw new Error('this gateway is still starting');
        return node.ledger.takeForwarded(orgId, commands, timeoutMs);
      },
      onProblem,
      limits,
    }).catch((error: unknown) => {
      if (!isAddressError(error)) throw error;
      throw new ConfigurationError(
        `The address for other gateways cannot be used (${error.code}); set AIAAS_PEER_PORT or AIAAS_PEER_HOST to another.`,
        { cause: error },
      );
    });
    const membership = new Membership({
      store,
      clock: systemClock,
      timers: systemTimers,
      bootId,
      peerUrl: peer.url ?? urlOf(peer.host, server.port),
      version,
      newEventId: () => identifiers.eventId(),
      ...(recordedAt === undefined ? {} : { recordedAt }),
      ...(limitHistory === undefined ? {} : { limitHistory }),
      onProblem,
    });
    const peers = new HttpLedgerPeers({
      self: bootId,
      peerKey,
      clock: systemClock,
      peerUrlOf: (other) => membership.peerUrlOf(other),
    });
    node = new ClusterNode(membership, peers, server, () => peers.close(), logger);
    return node;
  }

  /** What the control plane follows, and asks. */
  clusterOf(bootId: BootId): Cluster {
    const { membership } = this;
    return {
      bootId,
      streamPrefix: GATEWAY_STREAM_PREFIX,
      take: (stored) => membership.take(stored),
      caughtUp: () => membership.caughtUp(),
      isFresh: () => membership.isFresh(),
      barrier: () => membership.barrier(),
      onDeath: (listener) => membership.onDeath(listener),
      isAlive: (other) => membership.isAlive(other),
      isEldest: () => membership.isEldest(),
    };
  }

  /** From here on commands that other gateways forward are taken. */
  serve(ledger: LedgerService): void {
    this.ledger = ledger;
  }

  /** The record is not the one that was read: nothing may be admitted until an operator has looked and started anew. */
  fail(reason: Error): void {
    if (this.failure !== undefined) return;
    this.failure = reason;
    this.logger.fatal({ error: reason }, 'nothing is admitted any more: see to the event store, then start this again');
  }

  /** Whether a call may be admitted: the others know this gateway, it knows what was recorded, and its clock is right. */
  mayAct(): boolean {
    const { membership } = this;
    return this.failure === undefined && membership.isFresh() && membership.leaseHolds() && membership.isClockTrusted();
  }

  /** Resolves once `mayAct` is true for the first time. */
  async untilKnown(): Promise<void> {
    const sinceMs = systemClock.monotonicMs();
    let reported = 0;
    while (!this.mayAct()) {
      if (this.failure !== undefined) throw this.failure;
      await sleep(KNOWN_POLL_MS);
      const waits = Math.floor((systemClock.monotonicMs() - sinceMs) / KNOWN_REPORT_MS);
      if (waits > reported) this.logger.warn({ waitingFor: this.check().message }, 'not ready yet');
      reported = waits;
    }
  }

  check(): Check {
    const { membership, failure } = this;
    if (failure !== undefined) return { status: 'fail', message: failure.message };
    if (!membership.isClockTrusted()) {
      const skewMs = membership.clockSkewMs();
      const message =
        skewMs === undefined
          ? "this machine's clock has not been compared with the event store's yet"
          : `this machine's clock is ${skewMs} ms away from the event store's, and a second is the most; set it right`;
      return { status: 'fail', message };
    }
    if (!membership.isFresh())
      return { status: 'fail', message: 'what this gateway knows of the record is older than two seconds' };
    if (!membership.leaseHolds())
      return { status: 'fail', message: 'the other gateways may not know yet, or no longer, that this one lives' };
    return { status: 'pass' };
  }

  /** No more commands of others are taken. */
  async closeDoor(): Promise<void> {
    await this.server.close();
  }

  /** The last thing that a gateway does: whatever it still holds is orphaned from here on. */
  async leave(): Promise<void> {
    await this.membership.stop();
    await this.closePeers();
  }
}
