import * as fc from 'fast-check';
import { type CallId, nanoUsd } from '#kernel';
import type { LedgerCommand } from '#ledger';
import { MemoryReadStore } from '#read-store/memory';
import {
  backendIds,
  completing,
  type Folded,
  foldAll,
  keyIds,
  orgId,
  projectIds,
  Record,
  someRecord,
  traced,
} from '../spec-kit';
import { callsProjection } from './projection';
import { callById, callsSearch } from './queries';
import { callsTable, UNSETTLED } from './table';
import type { CallsSearchParams } from './types';

async function folded(record: Record): Promise<Folded> {
  return foldAll(callsProjection, await record.events());
}

/** A record with one authorized call. */
async function oneCall(): Promise<{ record: Record; callId: CallId; call: () => Promise<unknown> }> {
  const record = new Record();
  const command = record.authorize({ stream: true, clientRequestId: 'mine-1' });
  await record.perform(command);
  record.later(1_500);
  const call = async () => (await folded(record)).get(callsTable, command.callId);
  return { record, callId: command.callId, call };
}

describe('the calls view', () => {
  it('shows an authorized call as open, with what it holds', async () => {
    const { call, callId, record } = await oneCall();
    expect(await call()).toMatchObject({
      callId,
      orgId,
      projectId: projectIds[0],
      keyId: keyIds[0],
      backendId: backendIds[0],
      outcome: 'open',
      at: record.now - 1_500,
      hold: { cost: 2_000n, tokens: 2_000n, outputTokensCap: 1_000 },
      charged: 0n,
      clientRequestId: 'mine-1',
      events: [{ type: 'InferenceAuthorized' }],
    });
  });

  it('shows what a completed call used and cost', async () => {
    const { record, callId, call } = await oneCall();
    await record.perform(completing(callId, 100, 1_400));
    expect(await call()).toMatchObject({
      outcome: 'completed',
      usage: { input: 100, cachedInput: 1, cacheWrite: 2, output: 3 },
      certainty: 'reported',
      priceVersion: 1,
      actual: 106n,
      charged: 106n,
      excess: 0n,
      latencyMs: 1_400,
      firstByteMs: 700,
      finishReason: 'stop',
      attempts: [{ backendId: backendIds[0], status: 200, totalMs: 1_400 }],
      endedAt: record.now,
      events: [{ type: 'InferenceAuthorized' }, { type: 'InferenceCompleted' }],
    });
  });

  it('shows that a call was answered from the cache, and names no backend then', async () => {
    const { record, callId, call } = await oneCall();
    const trace = { attempts: [], latencyMs: 3 };
    await record.perform({ ...completing(callId, 100), trace, servedFrom: 'cache' } as LedgerCommand);
    expect(await call()).toMatchObject({ outcome: 'completed', servedFrom: 'cache', latencyMs: 3, attempts: [] });
    expect(await call()).not.toHaveProperty('backendId');
  });

  it('shows the excess beyond the hold', async () => {
    const { record, callId, call } = await oneCall();
    await record.perform(completing(callId, 2_500));
    expect(await call()).toMatchObject({ actual: 2_506n, charged: 2_000n, excess: 506n });
  });

  it('shows a failure that may have been billed as unresolved, and then how it was resolved', async () => {
    const { record, callId, call } = await oneCall();
    const trace = traced(900, backendIds[1]);
    await record.perform({ type: 'FailCall', callId, error: 'backend_timeout', billed: 'unknown', trace });
    expect(await call()).toMatchObject({ outcome: 'unresolved', code: 'backend_timeout', backendId: backendIds[1] });

    const cost = nanoUsd(40n);
    await record.perform({ type: 'ResolveCall', callId, source: 'operator', cost, tokens: 7n, reason: 'invoice' });
    await record.perform(completing(callId, 1));

    expect(await call()).toMatchObject({
      outcome: 'resolved',
      charged: 40n,
      resolution: { source: 'operator', cost: 40n, tokens: 7n },
      settledAfterResolution: { actual: 7n },
    });
  });

  it('tells the tokens that were counted before a call was lost, and what came of it later', async () => {
    const { record, callId, call } = await oneCall();
    const counted = { input: 12, cachedInput: 0, cacheWrite: 0, output: 2 };
    await record.perform({ type: 'AbandonCall', callId, reason: 'backend-error', counted, trace: traced(900) });
    expect(await call()).toMatchObject({ outcome: 'unresolved', usage: counted, certainty: 'unresolved' });
    await record.perform(completing(callId, 10));
    expect(await call()).toMatchObject({ outcome: 'completed', usage: expect.not.objectContaining(counted) });
  });

  it('shows how a resolved call was corrected, and what it was taken for before', async () => {
    const { record, callId, call } = await oneCall();
    await record.perform({ type: 'AbandonCall', callId, reason: 'client-left', trace: traced(900) });
    const resolve = { type: 'ResolveCall', callId, source: 'operator' } as const;
    await record.perform({ ...resolve, cost: nanoUsd(40n), tokens: 7n, reason: 'estimate' });
    record.later(1_000);
    await record.perform({ ...resolve, cost: nanoUsd(2_500n), reason: 'invoice' });

    expect(await call()).toMatchObject({
      outcome: 'resolved',
      actual: 2_500n,
      charged: 2_000n,
      excess: 500n,
      resolution: { cost: 2_500n, tokens: 2_000n, reason: 'invoice', at: record.now },
      corrections: [{ cost: 40n, charged: 40n, tokens: 7n, at: record.now }],
    });
  });

  it('keeps what was known of a call that expired, and takes its late settlement', async () => {
    const { record, callId, call } = await oneCall();
    await record.perform({ type: 'ExpireCall', callId, cause: 'owner-dead' });
    expect(await call()).toMatchObject({ outcome: 'unresolved', code: 'owner-dead', backendId: backendIds[0] });
    await record.perform(completing(callId, 10));
    expect(await call()).toMatchObject({ outcome: 'completed', charged: 16n });
    expect(await call()).not.toHaveProperty('code');
  });

  it('keeps refused calls, also those that were only counted', async () => {
    const record = new Record();
    const [first, second] = [record.nextCallId(), record.nextCallId()];
    const refusal = { keyId: keyIds[0], projectId: projectIds[0], model: 'x' as never, code: 'model_not_found' };
    await record.perform({ type: 'RecordRefusal', callId: first, endpoint: 'chat', ...refusal });
    const from = record.now;
    await record.later(9_000).perform({ type: 'CountRefusals', count: 40, callIds: [second, first], from, ...refusal });

    const view = await folded(record);

    expect(view.get(callsTable, first)).toMatchObject({ outcome: 'refused', code: 'model_not_found', at: from });
    expect(view.get(callsTable, first)).not.toHaveProperty('countedRefusal');
    expect(view.get(callsTable, second)).toMatchObject({ outcome: 'refused', countedRefusal: true, at: from });
  });

  it('agrees with the ledger about what is open and unresolved, and survives its stored form', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), async (seed) => {
        const record = await someRecord(seed, 120);
        const calls = (await folded(record)).all(callsTable);
        const { holds, unresolved } = record.state;
        const unsettled = calls.filter(({ outcome }) => UNSETTLED.has(outcome)).map(({ callId }) => callId);
        expect(unsettled.sort()).toEqual([...holds.keys(), ...unresolved.keys()].sort());
        for (const call of calls) {
          const { columns, rest } = callsTable.encode(call);
          const stored = { id: call.callId, position: 1n, columns, rest: JSON.parse(JSON.stringify(rest)) };
          expect(callsTable.decode(stored)).toEqual(call);
        }
      }),
      { numRuns: 20 },
    );
  });
});

describe('a search of calls', () => {
  const store = new MemoryReadStore();
  let record: Record;

  beforeAll(async () => {
    record = await someRecord(3, 300);
    const generation = await store.createGeneration(callsProjection.view);
    const saved = (await folded(record))
      .all(callsTable)
      .map((call) => ({ id: call.callId, position: 1n, ...callsTable.encode(call) }));
    const [last] = (await record.events()).slice(-1);
    if (last === undefined) throw new Error('the record is not empty');
    const checkpoint = { position: last.position, eventId: last.id, at: record.now };
    const changes = [{ table: 'calls', saved, deleted: [] }];
    await store.commit([{ generation, expected: undefined, checkpoint, changes }]);
    await store.switchTo([generation]);
  });

  const search = (params: Partial<CallsSearchParams> = {}) =>
    store.snapshot((snapshot) => callsSearch(snapshot, { orgId, limit: 1_000, ...params }));

  it('pages through all calls, newest first, each once', async () => {
    const all = await search();
    const seen: string[] = [];
    for (let after: string | undefined, done = false; !done; ) {
      const page = await search({ limit: 7, ...(after === undefined ? {} : { after }) });
      seen.push(...page.calls.map(({ callId }) => callId));
      after = page.next ?? undefined;
      done = after === undefined;
    }
    expect(seen).toEqual(all.calls.map(({ callId }) => callId));
    expect(new Set(seen).size).toBe(seen.length);
    expect(all.calls.map(({ at }) => at)).toEqual(all.calls.map(({ at }) => at).sort((a, b) => b - a));
    expect(all.watermark).toEqual({
      position: await record.store.lastPosition(),
      time: record.now,
      unsettledCalls: record.state.holds.size + record.state.unresolved.size,
    });
  });

  it('filters by any of several values, and by time', async () => {
    const all = (await search()).calls;
    const [from, to] = [all[60]?.at, all[10]?.at];
    if (from === undefined || to === undefined) throw new Error('the record has more than 60 calls');
    const where = { outcome: ['refused', 'failed'], apiKey: keyIds.slice(0, 2) } as const;
    const expected = all.filter(
      ({ outcome, keyId, at }) =>
        (outcome === 'refused' || outcome === 'failed') && keyId !== keyIds[2] && at >= from && at < to,
    );
    expect(expected.length).toBeGreaterThan(0);
    expect((await search({ where, from, to })).calls).toEqual(expected);
  });

  it.each([
    { what: 'a limit of 0', params: { limit: 0 }, code: 'limit_invalid' },
    { what: 'a strange cursor', params: { after: 'x' }, code: 'cursor_invalid' },
    { what: 'a range without length', params: { from: 5 as never, to: 5 as never }, code: 'range_invalid' },
  ])('refuses $what', async ({ params, code }) => {
    await expect(search(params)).rejects.toMatchObject({ name: 'QueryRefusedError', code });
  });

  it('finds one call for its own organization and project only', async () => {
    const [call] = (await search()).calls;
    if (call === undefined) throw new Error('the record is not empty');
    const { callId, projectId } = call;
    const find = (params: object) =>
      store.snapshot(async (snapshot) => (await callById(snapshot, { orgId, callId, ...params })).call);
    expect(await find({})).toMatchObject({ callId });
    expect(await find({ projectId })).toMatchObject({ callId });
    expect(await find({ projectId: 'prj_other' })).toBeNull();
    expect(await find({ orgId: 'org_other' })).toBeNull();
    expect(await find({ callId: 'req_other' })).toBeNull();
  });
});
