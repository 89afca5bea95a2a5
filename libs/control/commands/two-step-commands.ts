import { type Claim, ClaimHeldError, type ClaimSubject, type Claims } from '../claims';
import { KeyedMutex } from '../keyed-mutex';

export interface TwoStepOptions {
  /** Absent where this process is the only one that records. */
  readonly claims?: Claims;
  /** Makes ledger and streams of a subject agree. @returns how many facts or bars had been missing. */
  readonly settle: (subject: ClaimSubject, claim: Claim | undefined) => Promise<number>;
}

/**
 * Commands that take two appends, ledger first, or that look at several streams. They follow one another per subject, so
 * that a suspension and a resumption cannot cross: in this process by a mutex, between gateways by a claim in the record.
 * What fails between the two appends is remembered, to be finished; its claim stays taken until then.
 */
export class TwoStepCommands {
  private readonly mutex = new KeyedMutex();
  private readonly unsettled = new Set<ClaimSubject>();

  constructor(private readonly options: TwoStepOptions) {}

  /**
   * @param about the part of the subject that the work is to change, where others have to reckon with it.
   * @throws ControlUnavailableError when another gateway is at it for too long, or has taken over.
   */
  async run<T>(subject: ClaimSubject, work: (claim?: Claim) => Promise<T>, about?: string): Promise<T> {
    return this.mutex.run(subject, async () => {
      try {
        const claim = await this.claim(subject, about);
        if (claim?.isDoubtful === true) await this.options.settle(subject, claim);
        const done = await work(claim);
        await claim?.release();
        return done;
      } catch (error) {
        // Whoever holds the claim settles what it leaves.
        if (!(error instanceof ClaimHeldError)) this.unsettled.add(subject);
        throw error;
      }
    });
  }

  /** Makes ledger and streams of a subject agree. @returns how many facts or bars had been missing. */
  async settle(subject: ClaimSubject): Promise<number> {
    return this.mutex.run(subject, async () => {
      try {
        const claim = await this.claim(subject);
        const missing = await this.options.settle(subject, claim);
        await claim?.release();
        return missing;
      } catch (error) {
        this.unsettled.add(subject);
        throw error;
      }
    });
  }

  /** Subjects whose ledger and streams may disagree; the answer forgets them. */
  takeUnsettled(): readonly ClaimSubject[] {
    const taken = [...this.unsettled];
    this.unsettled.clear();
    return taken;
  }

  private async claim(subject: ClaimSubject, about?: string): Promise<Claim | undefined> {
    const claim = await this.options.claims?.take(subject, about);
    await claim?.catchUp();
    return claim;
  }
}
