import { epochMs } from '#kernel';
import { budgetIds, keyIds, orgId, projectIds, type Record } from '#projections/spec-kit';
import type { ReadSideClient } from './port';

const text = (json: Uint8Array) => new TextDecoder().decode(json);

/** Every query in several forms, over all that a record from `someRecord` holds. */
async function allAnswers(readSide: ReadSideClient, record: Record): Promise<readonly unknown[]> {
  const from = epochMs(record.now - 90 * 86_400_000);
  const to = epochMs(record.now + 1);
  const range = { orgId, from, to } as const;
  const calls = await readSide.query('callsSearch', { orgId, limit: 1_000 });
  return [
    calls,
    await readSide.query('callsSearch', { orgId, limit: 5, where: { outcome: ['unresolved', 'refused'] } }),
    await Promise.all(calls.calls.map(({ callId }) => readSide.query('callById', { orgId, callId }))),
    await readSide.query('usageReport', { ...range, granularity: 'total' }),
    await readSide.query('usageReport', {
      ...range,
      granularity: 'day',
      groupBy: ['model', 'outcome'],
      timeZone: 'Asia/Kolkata',
    }),
    await readSide.query('usageReport', {
      ...range,
      granularity: 'month',
      groupBy: ['api-key', 'team', 'project', 'backend', 'endpoint', 'code'],
      where: { outcome: ['completed', 'resolved'] },
    }),
    await readSide.query('usageReport', { ...range, granularity: 'hour', timeZone: 'Europe/Berlin' }),
    await readSide.query('usageReport', { ...range, granularity: 'total', groupBy: ['served-from', 'outcome'] }),
    text(await readSide.queryJson('usageReport', { ...range, granularity: 'hour' })),
    text(await readSide.queryJson('callsSearch', { orgId, limit: 20 }, { calls: 'data' })),
    await readSide.query('latencyReport', {
      ...range,
      granularity: 'day',
      groupBy: ['model'],
      timeZone: 'America/St_Johns',
    }),
    await readSide.query('errorsReport', { ...range, granularity: 'total', groupBy: ['project'] }),
    await readSide.query('freshness', { orgId }),
    await Promise.all(projectIds.map((projectId) => readSide.query('projectUsageTotals', { ...range, projectId }))),
    await Promise.all(budgetIds.map((budgetId) => readSide.query('budgetHistory', { orgId, budgetId }))),
    await readSide.query('apiKeyUsage', { orgId }),
    await readSide.query('apiKeyUsage', { orgId, keyId: keyIds[0] }),
    await readSide.query('problems', {}),
    await readSide.watermark(),
  ];
}

/** The answers as text, so that equal means equal byte for byte. */
export async function answersText(readSide: ReadSideClient, record: Record): Promise<string> {
  return JSON.stringify(await allAnswers(readSide, record), (_key, value: unknown) =>
    typeof value === 'bigint' ? `${value}n` : value,
  );
}
