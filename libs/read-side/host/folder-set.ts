import { type EventId, epochMs } from '#kernel';
import type { Checkpoint, GenerationCommit, ReadStore } from '#read-store';
import type { Problem } from '../problems';
import type { BatchEvent } from './decode-batch';
import { timeOf } from './decode-batch';
import type { GenerationFolder } from './generation-folder';
import { noteProblem, PROBLEMS_VIEW } from './problems-view';

/** Generations that are folded together: they share a checkpoint, and each batch is one transaction for all of them. */
export class FolderSet {
  #folders: readonly GenerationFolder[];

  constructor(
    private readonly store: ReadStore,
    folders: readonly GenerationFolder[],
  ) {
    this.#folders = folders;
  }

  get folders(): readonly GenerationFolder[] {
    return this.#folders;
  }

  get checkpoint(): Checkpoint | undefined {
    return this.#folders[0]?.checkpoint;
  }

  /** Folds what none of them has folded yet, commits it, and gives the problems that it met. */
  async apply(events: readonly BatchEvent[]): Promise<readonly Problem[]> {
    const last = events.at(-1)?.stored;
    if (last === undefined || this.#folders.length === 0) return [];
    const known = this.checkpoint;
    const at = timeOf(last) ?? known?.at ?? epochMs(0);
    const checkpoint: Checkpoint = { position: last.position, eventId: last.id satisfies EventId, at };
    const after = known?.position ?? 0n;
    const problems = events.flatMap(({ stored, problem }) =>
      problem === undefined || stored.position <= after ? [] : [problem],
    );
    try {
      const commits: (readonly [GenerationFolder, GenerationCommit])[] = [];
      const add = (folder: GenerationFolder, commit: GenerationCommit | undefined) => {
        if (commit !== undefined) commits.push([folder, commit]);
      };
      for (const folder of this.#folders)
        if (folder.projection.view.name !== PROBLEMS_VIEW)
          add(folder, await folder.fold(events, checkpoint, (problem) => problems.push(problem)));
      for (const folder of this.#folders)
        if (folder.projection.view.name === PROBLEMS_VIEW)
          add(folder, await folder.change(problems.map(noteProblem), checkpoint));
      await this.store.commit(commits.map(([, commit]) => commit));
      for (const [folder, commit] of commits) folder.committed(commit);
    } catch (error) {
      await this.#forget();
      throw error;
    }
    return problems;
  }

  /** Takes over generations that have become live in the place of those of the same views. */
  adopt(folders: readonly GenerationFolder[]): void {
    const views = new Set(folders.map(({ generation }) => generation.view));
    this.#folders = [...this.#folders.filter(({ generation }) => !views.has(generation.view)), ...folders];
  }

  /** Forgets them all; what is stored stays. */
  clear(): void {
    this.#folders = [];
  }

  /** Whether a commit was written is not known for certain: the store tells. */
  async #forget(): Promise<void> {
    const stored = await this.store.generations().catch(() => []);
    for (const folder of this.#folders) {
      const { view, number } = folder.generation;
      folder.forget(stored.find((one) => one.view === view && one.number === number)?.checkpoint);
    }
  }
}
