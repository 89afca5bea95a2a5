import type { DomainEvent } from '#kernel';
import type {
  Change,
  Checkpoint,
  DocumentRef,
  Documents,
  Fold,
  Generation,
  GenerationCommit,
  Projection,
  ReadStore,
  Table,
} from '#read-store';
import type { Problem } from '../problems';
import { type BatchEvent, messageOf, problemWith } from './decode-batch';
import { WorkingSet } from './working-set';

/** One document may lead to another, and that one to a third; a longer chain is a bug of the projection. */
const TOUCH_ROUNDS_MAX = 4;

/** One thing that happened, as a generation takes it in. */
export interface Step {
  readonly position: bigint;
  readonly touches: (documents: Documents) => readonly DocumentRef[];
  readonly evolve: (documents: Documents) => readonly Change[];
}

interface EventStep extends Step {
  readonly event: BatchEvent;
}

/** Folds batches into one generation of one view. Not for concurrent use. */
export class GenerationFolder {
  readonly #documents = new WorkingSet();
  #checkpoint: Checkpoint | undefined;

  constructor(
    private readonly store: ReadStore,
    readonly projection: Projection,
    readonly generation: Generation,
  ) {
    this.#checkpoint = generation.checkpoint;
  }

  get checkpoint(): Checkpoint | undefined {
    return this.#checkpoint;
  }

  /**
   * Folds what follows the checkpoint and says what to commit; `undefined` when nothing does. An event that the
   * projection fails on is reported and changes nothing.
   */
  async fold(
    events: readonly BatchEvent[],
    checkpoint: Checkpoint,
    onProblem: (problem: Problem) => void,
  ): Promise<GenerationCommit | undefined> {
    const after = this.#checkpoint?.position ?? 0n;
    if (checkpoint.position <= after) return undefined;
    const steps = events.flatMap((event) => (event.stored.position > after ? this.#steps(event) : []));
    await this.#load(steps.flatMap(({ touches }) => this.#refs(touches)));
    for (const step of steps) {
      try {
        await this.#settle(step);
        this.#documents.apply(step.evolve(this.#documents), step.position);
      } catch (error) {
        if (error instanceof LoadFailedError) throw error.cause;
        onProblem(problemWith(step.event.stored, 'fold_failed', messageOf(error), this.projection.view.name));
      }
    }
    return this.#commit(checkpoint);
  }

  /** Changes documents that no fold of events would: the host's own notes. */
  async change(steps: readonly Step[], checkpoint: Checkpoint): Promise<GenerationCommit | undefined> {
    if (checkpoint.position <= (this.#checkpoint?.position ?? 0n)) return undefined;
    for (const step of steps) {
      await this.#settle(step);
      this.#documents.apply(step.evolve(this.#documents), step.position);
    }
    return this.#commit(checkpoint);
  }

  /** The commit was written. */
  committed({ checkpoint }: GenerationCommit): void {
    this.#checkpoint = checkpoint;
    this.#documents.written();
  }

  /** The commit was not written, or may not have been: nothing that was folded is believed any more. */
  forget(checkpoint: Checkpoint | undefined): void {
    this.#documents.clear();
    this.#checkpoint = checkpoint;
  }

  #commit(checkpoint: Checkpoint): GenerationCommit {
    const { view, number } = this.generation;
    return {
      generation: { view, number },
      expected: this.#checkpoint,
      checkpoint,
      changes: this.#documents.changes(),
    };
  }

  #steps(event: BatchEvent): readonly EventStep[] {
    const { source, decoded } = event;
    if (decoded === undefined) return [];
    return this.projection.folds
      .filter((fold: Fold<DomainEvent>) => fold.source === source && fold.types.has(decoded.event.type))
      .map((fold) => ({
        event,
        position: event.stored.position,
        touches: (documents) => fold.touches(decoded, documents),
        evolve: (documents) => fold.evolve(decoded, documents),
      }));
  }

  /** A projection that fails here fails again when its turn comes, and is reported then. */
  #refs(touches: Step['touches']): readonly DocumentRef[] {
    try {
      return touches(this.#documents);
    } catch {
      return [];
    }
  }

  async #settle({ touches }: Step): Promise<void> {
    for (let round = 0; ; round += 1) {
      const missing = this.#documents.missing(touches(this.#documents));
      if (missing.length === 0) return;
      if (round === TOUCH_ROUNDS_MAX) throw new Error('the documents that this event touches lead to ever more');
      await this.#load(missing);
    }
  }

  async #load(refs: readonly DocumentRef[]): Promise<void> {
    const byTable = new Map<Table<unknown>, Set<string>>();
    for (const { table, id } of this.#documents.missing(refs)) {
      const ids = byTable.get(table) ?? new Set();
      byTable.set(table, ids.add(id));
    }
    for (const [table, ids] of byTable) {
      const wanted = [...ids];
      try {
        this.#documents.loaded(table, wanted, await this.store.loadFrom(this.generation, table.schema.name, wanted));
      } catch (error) {
        throw new LoadFailedError('documents could not be loaded', { cause: error });
      }
    }
  }
}

/** The store failed, not the projection. */
class LoadFailedError extends Error {
  override readonly name = 'LoadFailedError';
}
