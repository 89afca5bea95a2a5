import type { Clock, StreamName } from '#kernel';
import type { Versioned } from '../aggregate';
import type { Cluster } from '../cluster';
import { type ControlMetadata, ControlUnavailableError, type WarmAggregates } from '../warm-aggregates';
import { type ClaimCommand, type ClaimHolder, type ClaimRefusal, type ClaimState, isDoubted } from './decider';
import { type ClaimEvent, type ClaimSubject, claimStream } from './events';

/** How long a command waits for another gateway's to end. */
const WAIT_MS_MAX = 10_000;
const LOOK_AGAIN_MS = 50;
/** How long it may take to hear of everything that was recorded before the claim. */
const CATCH_UP_MS_MAX = 5_000;
/** How often a subject is looked at again whose claim was taken over. */
const RESETTLE_MS = 60_000;

const METADATA: ControlMetadata = { actor: { type: 'system', id: 'control' } };

export type ClaimRecords = WarmAggregates<ClaimCommand, ClaimState, ClaimEvent, ClaimRefusal>;

export interface ClaimsOptions {
  readonly records: ClaimRecords;
  readonly cluster: Pick<Cluster, 'bootId' | 'isAlive' | 'isFresh' | 'onDeath'>;
  readonly clock: Clock;
  /** Whether the warm records know everything up to a position, waiting at most so long. */
  readonly waitFor: (position: bigint, timeoutMs: number) => Promise<boolean>;
}

/** A subject that this gateway alone may change, unless it is held dead meanwhile. */
export interface Claim {
  /** Somebody may have left the subject half changed: it has to be settled before anything is decided. */
  readonly isDoubtful: boolean;
  /** What holders that were overtaken were about to change, and may yet. */
  readonly doubts: readonly string[];
  /** Resolves once everything is known here that was recorded before the claim. @throws ControlUnavailableError */
  catchUp(): Promise<void>;
  /** To be awaited right before each append. @throws ControlUnavailableError when somebody has taken over. */
  check(): Promise<void>;
  /** @throws ControlUnavailableError when somebody has taken over, or nothing can be recorded. */
  release(): Promise<void>;
}

/** Another gateway is at it, and takes longer than anybody waits. */
export class ClaimHeldError extends ControlUnavailableError {
  constructor(subject: ClaimSubject) {
    super(
      subject === 'system-tokens'
        ? 'another gateway is changing the system tokens; try again'
        : 'another gateway is changing this organization; try again',
    );
  }
}

function overtaken(): ControlUnavailableError {
  return new ControlUnavailableError(
    'this gateway was held dead, and another one has taken over; look at what became of the command, and try again',
  );
}

/**
 * Lets gateways that share a record change a subject one after the other. A claim is an event with the expected
 * revision, so exactly one gateway gets it; that of a dead gateway is taken over, and the subject is settled first.
 */
export class Claims {
  /** Claims that are held, or were taken over not long ago: few. */
  private readonly open = new Map<StreamName, Versioned<ClaimState>>();
  private readonly waiters = new Set<() => void>();

  constructor(private readonly options: ClaimsOptions) {
    options.cluster.onDeath(() => this.wake());
    options.records.onChange((claim) => {
      const { holder, overtaken } = claim.state;
      if (holder === undefined && overtaken.length === 0) this.open.delete(claim.stream);
      else this.open.set(claim.stream, claim);
      this.wake();
    });
  }

  /**
   * @param about the part that is to be changed, where others have to reckon with it.
   * @throws ClaimHeldError after WAIT_MS_MAX
   * @throws ControlUnavailableError when the record cannot be written now; the claim may have been taken.
   */
  async take(subject: ClaimSubject, about?: string): Promise<Claim> {
    const { records, cluster, clock } = this.options;
    const stream = claimStream(subject);
    const untilMs = clock.monotonicMs() + WAIT_MS_MAX;
    for (;;) {
      const known = records.find(stream);
      const { holder } = known.state;
      if (!this.isUnderWay(holder)) {
        const at = clock.now();
        const command: ClaimCommand = {
          type: 'TakeClaim',
          subject,
          bootId: cluster.bootId,
          at,
          ...(about === undefined ? {} : { about }),
          ...(holder === undefined ? {} : { over: holder.bootId }),
        };
        // A decision about the living and the dead holds for the revision that it was made for, and no other.
        const executed = await records.execute(stream, command, METADATA, { ifMatch: [String(known.revision)] });
        if (executed.kind === 'accepted') return this.taken(known, executed.aggregate);
      } else await this.somethingNew();
      if (clock.monotonicMs() >= untilMs) throw new ClaimHeldError(subject);
    }
  }

  /** Subjects that nobody is changing and that may be half changed: one of the gateways should settle them. */
  due(): readonly ClaimSubject[] {
    const now = this.options.clock.now();
    const due: ClaimSubject[] = [];
    for (const [stream, { state }] of this.open) {
      const { subject, holder, takenAt, overtaken } = state;
      if (subject === undefined || takenAt === undefined) continue;
      if (holder !== undefined) {
        // What this process itself has left over, it knows.
        if (holder.bootId !== this.options.cluster.bootId && !this.isUnderWay(holder)) due.push(subject);
      } else if (!overtaken.some((one) => isDoubted(one, now))) this.open.delete(stream);
      else if (now - takenAt >= RESETTLE_MS) due.push(subject);
    }
    return due;
  }

  /** Resolves when a claim has changed or a gateway has died, and at the latest when it is time to look anyway. */
  private somethingNew(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.waiters.delete(done);
        resolve();
      };
      const timer = setTimeout(done, LOOK_AGAIN_MS);
      this.waiters.add(done);
    });
  }

  private wake(): void {
    for (const done of this.waiters) done();
  }

  /** Whether a holder may still end its command. A process that may have missed something holds nobody dead. */
  private isUnderWay(holder: ClaimHolder | undefined): boolean {
    const { cluster } = this.options;
    if (holder === undefined || holder.bootId === cluster.bootId) return false;
    return !cluster.isFresh() || cluster.isAlive(holder.bootId);
  }

  private taken(before: Versioned<ClaimState>, { stream, state, position }: Versioned<ClaimState>): Claim {
    const { records, clock, cluster, waitFor } = this.options;
    const revision = before.revision === 'no-stream' ? 0n : before.revision + 1n;
    const doubted = state.overtaken.filter((one) => isDoubted(one, clock.now()));
    return {
      isDoubtful: before.state.holder !== undefined || doubted.length > 0,
      doubts: doubted.flatMap(({ about }) => about ?? []),
      async catchUp() {
        if (!(await waitFor(position, CATCH_UP_MS_MAX)))
          throw new ControlUnavailableError('this gateway does not follow the record closely enough; try again');
      },
      async check() {
        if ((await records.refresh(stream)).revision !== revision) throw overtaken();
      },
      async release() {
        const command: ClaimCommand = { type: 'ReleaseClaim', bootId: cluster.bootId };
        const executed = await records.execute(stream, command, METADATA, { ifMatch: [String(revision)] });
        if (executed.kind !== 'accepted') throw overtaken();
      },
    };
  }
}
