import type { OrganizationId } from '#kernel';
import { KeyedMutex } from '../keyed-mutex';

/**
 * Commands that take two appends, ledger first. In this process they follow one another per organization, so that a
 * suspension and a resumption cannot cross; and what fails between the two appends is remembered, to be finished.
 * With several gateways the order between them will need the ledger's own revision.
 */
export class TwoStepCommands {
  private readonly mutex = new KeyedMutex();
  private readonly unsettled = new Set<OrganizationId>();

  async run<T>(orgId: OrganizationId, work: () => Promise<T>): Promise<T> {
    return this.mutex.run(orgId, async () => {
      try {
        return await work();
      } catch (error) {
        this.unsettled.add(orgId);
        throw error;
      }
    });
  }

  /** Organizations whose ledger and streams may disagree; the answer forgets them. */
  takeUnsettled(): readonly OrganizationId[] {
    const taken = [...this.unsettled];
    this.unsettled.clear();
    return taken;
  }

  get hasUnsettled(): boolean {
    return this.unsettled.size > 0;
  }
}
