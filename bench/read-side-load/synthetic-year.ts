import { composeEventId, epochMs, nanoUsd } from '#kernel';
import { callsProjection } from '#projections/calls';
import { usageProjection } from '#projections/usage';
import { type Document, type Generation, Histogram, type ReadStore, type TableSchema } from '#read-store';
import { backendIds, keyIds, models, nth, orgId, projectIds, SINCE, serialBytes } from './synthetic-record';

const GRAINS = [
  { name: 'days', ms: 86_400_000 },
  { name: 'hours', ms: 3_600_000 },
  { name: 'quarters', ms: 900_000 },
] as const;

/** A dozen latencies around a slot's own middle, as one row of a busy hour has them. */
function latencies(slot: number, calls: number): string {
  const histogram = new Histogram();
  for (let i = 0; i < 24; i += 1) histogram.record(100 + slot * 10 + i * i * 9, Math.max(1, Math.floor(calls / 24)));
  return histogram.encode();
}

function row(slot: number, bucket: number, calls: number, serial: number): Document {
  return {
    id: `row-${serial}`,
    position: 1n,
    columns: {
      orgId,
      bucket,
      projectId: nth(projectIds, slot),
      teamId: null,
      keyId: nth(keyIds, slot),
      model: nth(models, slot),
      backendId: nth(backendIds, slot),
      endpoint: 'chat',
      outcome: slot % 12 === 11 ? 'failed' : 'completed',
      code: slot % 12 === 11 ? 'backend_error' : null,
      calls,
      refused: 0,
      inputTokens: calls * 400,
      cachedInputTokens: 0,
      cacheWriteTokens: 0,
      outputTokens: calls * 300,
      unsplitTokens: 0,
      cost: nanoUsd(BigInt(calls) * 700_000n),
      excess: nanoUsd(0n),
      lastAt: bucket,
      latency: latencies(slot, calls),
      firstByte: latencies(slot, calls),
    },
    rest: null,
  };
}

async function save(store: ReadStore, generation: Generation, table: string, saved: readonly Document[], step: number) {
  const checkpointAt = (position: number) => ({
    position: BigInt(position),
    eventId: composeEventId(SINCE, serialBytes(position)),
    at: epochMs(SINCE + position),
  });
  await store.commit([
    {
      generation,
      expected: step === 1 ? undefined : checkpointAt(step - 1),
      checkpoint: checkpointAt(step),
      changes: [{ table, saved, deleted: [] }],
    },
  ]);
}

const COMMIT_ROWS = 10_000;

/** Writes a year of usage of one organization as the projection would keep it; gives the number of rows. */
export async function writeYear(store: ReadStore, slots: number, days: number, callsPerHour: number): Promise<number> {
  const calls = await store.createGeneration(callsProjection.view);
  const usage = await store.createGeneration(usageProjection.view);
  let [rows, step] = [0, 0];
  for (const { name, ms } of GRAINS) {
    const table: TableSchema | undefined = usageProjection.view.tables.find((one) => one.name === name);
    if (table === undefined) throw new Error(`usage has no table ${name}`);
    let saved: Document[] = [];
    const perRow = Math.max(1, Math.round((callsPerHour * ms) / 3_600_000 / slots));
    for (let bucket: number = SINCE; bucket < SINCE + days * 86_400_000; bucket += ms)
      for (let slot = 0; slot < slots; slot += 1) {
        rows += 1;
        saved.push(row(slot, bucket, perRow, rows));
        if (saved.length < COMMIT_ROWS) continue;
        step += 1;
        await save(store, usage, name, saved, step);
        saved = [];
      }
    if (saved.length === 0) continue;
    step += 1;
    await save(store, usage, name, saved, step);
  }
  await store.switchTo([calls, usage]);
  return rows;
}
