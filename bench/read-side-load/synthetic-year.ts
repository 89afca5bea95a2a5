import { type EpochMs, nanoUsd, type OrganizationId } from '#kernel';
import { usageProjection } from '#projections/usage';
import { type Checkpoint, type Document, type Generation, Histogram, type ReadStore } from '#read-store';
import { scopesOf, totalId, totalsTables, type UsageSlot } from '../../projections/usage/tables';
import { backendIds, keyIds, models, nth, projectIds } from './synthetic-record';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const GRAINS = [
  { name: 'days', ms: DAY_MS },
  { name: 'hours', ms: HOUR_MS },
  { name: 'quarters', ms: HOUR_MS / 4 },
] as const;

/** Usage of one organization over so many days, spread evenly over them and over so many combinations of dimensions. */
export interface Year {
  readonly orgId: OrganizationId;
  /** Start of a day of UTC. */
  readonly since: EpochMs;
  readonly days: number;
  readonly slots: number;
  readonly calls: number;
}

/** A dozen latencies around a slot's own middle, as one row of a busy hour has them. */
function latencies(slot: number, calls: number): string {
  const histogram = new Histogram();
  for (let i = 0; i < 24; i += 1) histogram.record(100 + slot * 10 + i * i * 9, Math.max(1, Math.floor(calls / 24)));
  return histogram.encode();
}

function sumsOf(calls: number): Document['columns'] {
  return {
    calls,
    refused: 0,
    inputTokens: calls * 400,
    cachedInputTokens: 0,
    cacheWriteTokens: 0,
    outputTokens: calls * 300,
    unsplitTokens: 0,
    cost: nanoUsd(BigInt(calls) * 700_000n),
    excess: nanoUsd(0n),
  };
}

function slotOf(orgId: OrganizationId, slot: number): UsageSlot {
  const isFailed = slot % 12 === 11;
  return {
    orgId,
    projectId: nth(projectIds, slot),
    teamId: null,
    keyId: nth(keyIds, slot),
    model: nth(models, slot),
    backendId: nth(backendIds, slot),
    endpoint: 'chat',
    outcome: isFailed ? 'failed' : 'completed',
    code: isFailed ? 'backend_error' : null,
    servedFrom: 'backend',
  };
}

function row(orgId: OrganizationId, slot: number, bucket: number, calls: number): Document {
  return {
    id: `${orgId} ${bucket} ${slot}`,
    position: 1n,
    columns: {
      ...slotOf(orgId, slot),
      bucket,
      ...sumsOf(calls),
      lastAt: bucket,
      latency: latencies(slot, calls),
      firstByte: latencies(slot, calls),
    },
    rest: null,
  };
}

/** The totals of one stretch: of everything, and of each project, key and model. */
function* totalsOf(orgId: OrganizationId, slots: number, bucket: number, calls: number): Generator<Document> {
  const callsByScope = new Map<string, number>();
  for (let slot = 0; slot < slots; slot += 1)
    for (const scope of scopesOf(slotOf(orgId, slot))) callsByScope.set(scope, (callsByScope.get(scope) ?? 0) + calls);
  for (const [scope, sum] of callsByScope) {
    const id = totalId(orgId, scope, bucket);
    yield { id, position: 1n, columns: { orgId, scope, bucket, ...sumsOf(sum) }, rest: null };
  }
}

function* rowsOf({ orgId, since, days, slots, calls }: Year): Generator<{ table: string; document: Document }> {
  const callsPerHour = calls / (days * 24);
  for (const { name, ms } of GRAINS) {
    const perRow = Math.max(1, Math.round((callsPerHour * ms) / HOUR_MS / slots));
    for (let bucket: number = since; bucket < since + days * DAY_MS; bucket += ms) {
      for (let slot = 0; slot < slots; slot += 1) yield { table: name, document: row(orgId, slot, bucket, perRow) };
      if (name === 'days') continue;
      const table = totalsTables[name].schema.name;
      for (const document of totalsOf(orgId, slots, bucket, perRow)) yield { table, document };
    }
  }
}

const COMMIT_ROWS = 10_000;

/** Writes a year of usage as the projection would keep it, at this checkpoint; gives the number of rows. */
export async function writeYear(
  store: ReadStore,
  generation: Generation,
  checkpoint: Checkpoint,
  year: Year,
): Promise<number> {
  let [rows, expected] = [0, generation.checkpoint];
  let pending = new Map<string, Document[]>(usageProjection.view.tables.map(({ name }) => [name, []]));
  const save = async () => {
    const changes = [...pending].map(([table, saved]) => ({ table, saved, deleted: [] }));
    await store.commit([{ generation, expected, checkpoint, changes }]);
    expected = checkpoint;
    pending = new Map([...pending.keys()].map((table) => [table, []]));
  };
  for (const { table, document } of rowsOf(year)) {
    rows += 1;
    pending.get(table)?.push(document);
    if (rows % COMMIT_ROWS === 0) await save();
  }
  await save();
  return rows;
}
