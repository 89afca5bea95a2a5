import type { GenerationCommit, Projection, ReadStore } from '#read-store';
import { MemoryReadStore } from '#read-store/memory';
import { foldAll } from './fold';
import type { Record } from './record';

/** A store that holds what views make of a record, for queries. */
export async function keptViews(record: Record, projections: readonly Projection[]): Promise<ReadStore> {
  const store = new MemoryReadStore();
  const events = await record.events();
  const last = events.at(-1);
  if (last === undefined) throw new Error('of an empty record there is nothing to ask');
  const checkpoint = { position: last.position, eventId: last.id, at: record.now };
  const commits: GenerationCommit[] = [];
  for (const projection of projections) {
    const folded = foldAll(projection, events);
    const generation = await store.createGeneration(projection.view);
    const changes = projection.tables.map((table) => ({
      table: table.schema.name,
      saved: folded.entries(table).map(([id, doc]) => ({ id, position: 1n, ...table.encode(doc) })),
      deleted: [],
    }));
    commits.push({ generation, expected: undefined, checkpoint, changes });
  }
  await store.commit(commits);
  await store.switchTo(commits.map(({ generation }) => generation));
  return store;
}
