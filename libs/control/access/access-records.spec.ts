import { join } from 'node:path';
import { systemIdentifiers } from '#environment';
import { MemoryEventStore } from '#event-store/memory';
import { epochMs, type OrganizationId, type RequestId, type SystemTokenId } from '#kernel';
import { type EventSamples, goldenChecks } from '#testing/golden';
import { HandClock, MortalStore } from '../testing';
import { ACCESS_ROWS_MAX, AccessRecords, type NotedAccess } from './access-records';
import { type AccessEvent, accessCodec } from './events';

const tokenId = 'tok_01k00000000000000000000000' as SystemTokenId;
const orgId = 'org_01k00000000000000000000000' as OrganizationId;
const read: NotedAccess = {
  kind: 'read',
  tokenId,
  route: 'GET /admin/v1/organizations/:org/budgets',
  orgId,
  address: '203.0.113.7',
};

function setup(appends = Number.POSITIVE_INFINITY) {
  const memory = new MemoryEventStore();
  const clock = new HandClock();
  const problems: Error[] = [];
  const records = new AccessRecords({
    store: new MortalStore(memory, appends),
    clock,
    identifiers: systemIdentifiers(clock),
    onProblem: (problem) => problems.push(problem),
  });
  const recorded = async () => {
    const events: (AccessEvent['data'] & { stream: string })[] = [];
    for await (const stored of memory.readAll()) {
      const event = accessCodec.decode(stored)?.event;
      if (event !== undefined) events.push({ ...event.data, stream: stored.stream });
    }
    return events;
  };
  return { records, clock, recorded, problems };
}

describe('accesses', () => {
  it('are counted by token, route, organization, code and network, once per window', async () => {
    const { records, clock, recorded } = setup();
    records.note({ ...read, requestId: 'req_1' as RequestId });
    records.note({ ...read, address: '203.0.113.8', requestId: 'req_2' as RequestId });
    records.note({ ...read, kind: 'refused', route: 'POST /admin/v1/backends', code: 'invalid_base_url' });
    clock.advance(10_000);
    await records.flush();
    await records.flush();
    const { address: _, ...row } = read;
    expect(await recorded()).toEqual([
      {
        stream: 'access-20250101',
        from: clock.now() - 10_000,
        to: clock.now(),
        accesses: [
          { ...row, source: '203.0.113.0/24', count: 2, firstRequestId: 'req_1' },
          {
            ...row,
            kind: 'refused',
            route: 'POST /admin/v1/backends',
            code: 'invalid_base_url',
            source: '203.0.113.0/24',
            count: 1,
          },
        ],
      },
    ]);
  });

  it('beyond those that a window tells apart are one sum, in events of a bounded size', async () => {
    const { records, recorded } = setup();
    for (let i = 0; i < ACCESS_ROWS_MAX + 7; i += 1)
      records.note({ ...read, code: `${'c'.repeat(60)}${i}`, requestId: `req_${'0'.repeat(26)}` as RequestId });
    await records.flush();
    const events = await recorded();
    expect(events.flatMap(({ accesses }) => accesses)).toHaveLength(ACCESS_ROWS_MAX);
    expect(events.map(({ overflow }) => overflow ?? 0).reduce((sum, count) => sum + count)).toBe(7);
  });

  it('are counted on when they cannot be recorded', async () => {
    const { records, problems } = setup(0);
    records.note(read);
    await records.flush();
    records.note(read);
    await records.flush();
    expect(problems.map(({ message }) => message)).toEqual(Array(2).fill('accesses could not be recorded'));
  });
});

describe('events of accesses', () => {
  const at = epochMs(1_767_225_600_000);
  const full = { kind: 'refused', tokenId, source: '::/64', route: 'GET /x', orgId, code: 'stale', count: 2 } as const;
  const samples: EventSamples<AccessEvent> = {
    AccessesCounted: [
      {
        type: 'AccessesCounted',
        data: {
          from: at,
          to: at,
          accesses: [
            { ...full, firstRequestId: 'req_01k00000000000000000000000' as RequestId },
            { kind: 'operation', tokenId, source: 'unknown', route: 'POST /x', count: 1 },
          ],
          overflow: 3,
        },
      },
      { type: 'AccessesCounted', data: { from: at, to: at, accesses: [] } },
    ],
  };
  it.each(goldenChecks({ codec: accessCodec, samples, folder: join(__dirname, 'golden') }))('$name', ({ run }) =>
    run(),
  );
});
