import type { BootId, OrganizationId } from '#kernel';
import type { ForwardedCommand, ForwardedOutcome, LedgerPeers, LedgerService } from '#ledger';
import type { VirtualTime } from './virtual-time';

/** What becomes of one request from gateway to gateway. */
export type ForwardFault =
  | 'fine'
  /** It never arrives. */
  | 'request-lost'
  /** It arrives and is carried out, but the answer is lost. */
  | 'answer-lost'
  /** It arrives twice; the second answer is the one that comes back. */
  | 'delivered-twice';

export interface ForwardRoute {
  readonly fault: ForwardFault;
  readonly arrivesAfterMs?: number;
  readonly answersAfterMs?: number;
}

/** A gateway as others reach it. */
export interface PeerEnd {
  readonly ledger: Pick<LedgerService, 'takeForwarded'>;
  /** Resolves while it runs, waits while it is paused, and never ends once it has crashed. */
  whileAlive(): Promise<void>;
}

/** The ways between gateways, over virtual time: what is asked may be late, lost or doubled. */
export class PeerNetwork {
  /** Requests that one gateway has sent to another. */
  forwards = 0;
  /** Those of them whose request or answer was lost. */
  lost = 0;
  private readonly ends = new Map<BootId, PeerEnd>();

  constructor(
    private readonly time: VirtualTime,
    private readonly route: (from: BootId, to: BootId) => ForwardRoute,
  ) {}

  join(boot: BootId, end: PeerEnd): void {
    this.ends.set(boot, end);
  }

  /** Nothing listens there any more: whoever asks is told so at once. */
  leave(boot: BootId): void {
    this.ends.delete(boot);
  }

  /** The others, as one gateway sees them. */
  peersOf(self: BootId, whileAlive: () => Promise<void> = async () => {}): LedgerPeers {
    return {
      self,
      forward: (to, orgId, commands, timeoutMs) => {
        this.forwards += 1;
        const asked = this.send(self, to, orgId, commands, timeoutMs);
        const late = this.time.sleep(timeoutMs).then(() => {
          throw new Error(`${to} has not answered in time`);
        });
        return Promise.race([asked, late]).finally(whileAlive);
      },
    };
  }

  private async send(
    from: BootId,
    to: BootId,
    orgId: OrganizationId,
    commands: readonly ForwardedCommand[],
    timeoutMs: number,
  ): Promise<readonly ForwardedOutcome[]> {
    const { fault, arrivesAfterMs = 0, answersAfterMs = 0 } = this.route(from, to);
    if (fault === 'request-lost' || fault === 'answer-lost') this.lost += 1;
    if (arrivesAfterMs > 0) await this.time.sleep(arrivesAfterMs);
    if (fault === 'request-lost') return this.silence();
    const end = this.ends.get(to);
    if (end === undefined) throw new Error(`nothing listens at ${to}`);
    await end.whileAlive();
    const first = end.ledger.takeForwarded(orgId, commands, timeoutMs);
    const outcomes = await (fault === 'delivered-twice'
      ? first.then(() => end.ledger.takeForwarded(orgId, commands, timeoutMs))
      : first);
    await end.whileAlive();
    if (fault === 'answer-lost') return this.silence();
    if (answersAfterMs > 0) await this.time.sleep(answersAfterMs);
    return outcomes;
  }

  private silence(): Promise<never> {
    return new Promise(() => {});
  }
}
