import { systemIdentifiers } from '#environment';
import { openLmdbEventStore } from '#event-store/lmdb';
import { type Clock, composeId, epochMs, type IdKinds, type IdPrefix, type OrganizationId, usd } from '#kernel';
import { type AuthorizeCall, LedgerService } from '#ledger';

/** Time between two calls of the made ledger: one hundred calls a second, as a busy organization has them. */
const MS_PER_CALL = 10;
const CALLS_AT_ONCE = 400;
const KEYS = 50;
/** The last calls are still running when the process dies. */
const OPEN_CALLS = 100;

/** A clock that the building moves, ending at the present, so that no event lies in the future. */
class BuildingClock implements Clock {
  constructor(private ms: number) {}
  now() {
    return epochMs(this.ms);
  }
  monotonicMs() {
    return this.ms;
  }
  advance(ms: number): void {
    this.ms += ms;
  }
}

function command(id: <P extends IdPrefix>(prefix: P) => IdKinds[P], shared: Shared, index: number): AuthorizeCall {
  return {
    type: 'AuthorizeCall',
    callId: id('req'),
    keyId: shared.keys[index % KEYS] ?? shared.key,
    projectId: shared.projectId,
    model: 'gpt-bench' as AuthorizeCall['model'],
    endpoint: 'chat',
    stream: index % 2 === 0,
    backendId: shared.backendId,
    prices: { version: 1, input: usd('0.15'), cachedInput: usd('0.075'), cacheWrite: usd('0.15'), output: usd('0.6') },
    bounds: {
      inputTokensMax: 2_000,
      inputTokensEstimate: 500,
      outputTokensCap: 256,
      outputCapSource: 'client',
      outputsMax: 1,
    },
    outputTokensCapMin: 16,
    owner: shared.owner,
    dispatchWindowMs: 5_000,
    holdMs: 900_000,
  };
}

interface Shared {
  readonly keys: readonly AuthorizeCall['keyId'][];
  readonly key: AuthorizeCall['keyId'];
  readonly projectId: AuthorizeCall['projectId'];
  readonly backendId: AuthorizeCall['backendId'];
  readonly owner: AuthorizeCall['owner'];
}

export interface BuiltLedger {
  readonly orgId: OrganizationId;
  readonly events: bigint;
  readonly seconds: number;
}

/** Makes a ledger of so many events through the real writer, so that carry sets lie in it where they would in life. */
export async function buildLedger(directory: string, eventsWanted: number): Promise<BuiltLedger> {
  const startedMs = performance.now();
  const calls = Math.ceil(eventsWanted / 2);
  const clock = new BuildingClock(Date.now() - calls * MS_PER_CALL);
  const identifiers = systemIdentifiers(clock);
  const id = <P extends IdPrefix>(prefix: P) => composeId(prefix, clock.now(), identifiers.random(10));
  const orgId = id('org');
  const key = id('key');
  const keys = [key, ...Array.from({ length: KEYS - 1 }, () => id('key'))];
  const shared = { keys, key, projectId: id('prj'), backendId: id('bkd'), owner: id('boot') };
  const store = openLmdbEventStore({ directory });
  const timers = { soon: (run: () => void) => setImmediate(run), after: () => () => undefined };
  const newEventId = () => identifiers.eventId();
  const ledger = new LedgerService(store, { clock, timers, newEventId, isOwnerAlive: () => true });
  const actor = { actor: { type: 'system', id: 'bench' } } as const;
  await defineLedger(ledger, orgId, id, shared);
  const usage = { input: 480, cachedInput: 20, cacheWrite: 0, output: 200 };
  for (let done = 0; done < calls; done += CALLS_AT_ONCE) {
    const batch = Array.from({ length: Math.min(CALLS_AT_ONCE, calls - done) }, (_, index) =>
      command(id, shared, index),
    );
    const outcomes = await Promise.all(batch.map((one) => ledger.submit(orgId, one, actor)));
    for (const outcome of outcomes) if (!outcome.ok) throw new Error(`the ledger refused: ${outcome.refusal.code}`);
    clock.advance(batch.length * MS_PER_CALL);
    const ending = done + CALLS_AT_ONCE >= calls ? batch.slice(OPEN_CALLS) : batch;
    const trace = { attempts: [{ backendId: shared.backendId, status: 200, totalMs: 812 }], latencyMs: 815 };
    await Promise.all(
      ending.map(({ callId }) => {
        const end = { type: 'CompleteCall', callId, usage, certainty: 'reported', outcome: 'complete', trace } as const;
        return ledger.submit(orgId, end, actor);
      }),
    );
  }
  const events = await store.lastPosition();
  await store.close();
  return { orgId, events, seconds: (performance.now() - startedMs) / 1_000 };
}

async function defineLedger(
  ledger: LedgerService,
  orgId: OrganizationId,
  id: <P extends IdPrefix>(prefix: P) => IdKinds[P],
  { keys, projectId }: Shared,
): Promise<void> {
  const actor = { actor: { type: 'system', id: 'bench' } } as const;
  const limits = { requestsPerMinute: 1_000_000, burst: 1_000_000, concurrency: 10_000 };
  for (const key of keys)
    await ledger.submit(orgId, { type: 'SetLimits', target: { type: 'api-key', id: key }, limits }, actor);
  for (const scope of [{ type: 'organization' }, { type: 'project', id: projectId }] as const)
    await ledger.submit(
      orgId,
      {
        type: 'DefineBudget',
        budgetId: id('bgt'),
        name: scope.type,
        scope,
        unit: 'cost',
        period: 'monthly',
        limit: usd('1000000'),
        mode: 'block',
        thresholds: [80, 100],
        timeZone: 'UTC',
      },
      actor,
    );
}
