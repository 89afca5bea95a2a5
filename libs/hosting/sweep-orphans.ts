import type { ControlPlane } from '#control';
import { systemTimers } from '#environment';
import type { KeyedAnswers } from '#gateway';
import type { LedgerService } from '#ledger';
import type { Logger } from '#telemetry';
import type { ClusterNode } from './cluster-node';
import { recoverKeyedCalls } from './recover-keyed-calls';

/** After so long no gateway that died before this one started can still count as alive. */
const FIRST_SWEEP_MS = 20_000;
const RETRY_MS = 5_000;

export interface OrphanSweepParts {
  readonly node: ClusterNode;
  readonly ledger: LedgerService;
  readonly control: Pick<ControlPlane, 'organizationIds'>;
  readonly keyedAnswers: KeyedAnswers;
  readonly logger: Logger;
}

/**
 * Ends what dead gateways held, in ledgers that nobody uses too, and settles what their kept answers tell. The eldest
 * gateway does it; each ends what it finds in its own warm ledgers anyway.
 */
export class OrphanSweep {
  private cancel: (() => void) | undefined;
  private running: Promise<void> = Promise.resolve();
  private isStopped = false;

  constructor(private readonly parts: OrphanSweepParts) {}

  start(): void {
    this.parts.node.membership.onDeath(() => this.schedule(0));
    this.schedule(FIRST_SWEEP_MS);
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    this.cancel?.();
    await this.running;
  }

  private schedule(delayMs: number): void {
    if (this.isStopped) return;
    this.cancel?.();
    this.cancel = systemTimers.after(delayMs, () => {
      this.running = this.running.then(() => this.sweep());
    });
  }

  private async sweep(): Promise<void> {
    const { node, ledger, control, keyedAnswers, logger } = this.parts;
    if (this.isStopped || !node.membership.isEldest()) return;
    try {
      const orgIds = control.organizationIds();
      const orphans = await ledger.sweepOrphans(orgIds);
      if (orphans > 0) logger.warn({ orphans }, 'calls of a dead gateway have become unresolved');
      const recovered = await recoverKeyedCalls(ledger, keyedAnswers, orgIds);
      if (recovered > 0) logger.warn({ recovered }, 'calls were settled from their kept answers');
    } catch (error) {
      logger.warn({ error }, 'holds of a dead gateway could not be looked for; trying again');
      this.schedule(RETRY_MS);
    }
  }
}
