import type { BudgetId, ModelId, OrganizationId, ProjectId } from '#kernel';
import type { LedgerEventOf } from '#ledger';
import type { AnyDialect } from '../dialects';
import { DIALECTS } from '../dialects';
import type { Caller } from './caller';
import { CallWorld, type ClientSide, simulatedModel } from './spec-kit';

/** Answers that are given again to exactly equal requests of an organization that asked for it. */

const OTHER_PROJECT = 'prj_b' as ProjectId;
const POLICY = { ttlSeconds: 600, hitPricePercent: 25 };
const MODELS = [
  simulatedModel('quick', 'echo'),
  simulatedModel('failing', 'echo?errorStatus=500'),
  simulatedModel('texts', 'echo', { kind: 'completion' }),
  simulatedModel('vectors', 'echo-embedding', { kind: 'embedding', maxOutputTokens: 0, defaultOutputTokens: 0 }),
];

let world: CallWorld;
beforeEach(() => {
  world = new CallWorld({ models: MODELS, responseCache: POLICY });
});
afterEach(async () => {
  await world.close();
  expect(world.problems).toEqual([]);
});

function dialectAt(path: string): AnyDialect {
  const dialect = DIALECTS[path];
  if (dialect === undefined) throw new Error(path);
  return dialect;
}

interface Made {
  readonly side: ClientSide;
  readonly completed: LedgerEventOf<'InferenceCompleted'>['data'];
}

async function make(path: string, body: object, rest: Partial<Caller> = {}): Promise<Made> {
  const caller = world.caller(rest);
  const side = await dialectAt(path).use((one) => world.run(one, body, caller));
  const ended = (await world.recorded(caller.requestId, caller.orgId)).at(-1);
  if (ended?.type !== 'InferenceCompleted') throw new Error(`${side.status} ${side.text}`);
  return { side, completed: ended.data };
}

const CHAT = { model: 'quick', messages: [{ role: 'user', content: 'Say it again.' }] };
const BODIES = [
  ['/chat/completions', CHAT],
  ['/completions', { model: 'texts', prompt: 'Say it again.' }],
  ['/embeddings', { model: 'vectors', input: 'Say it again.' }],
  ['/responses', { model: 'quick', input: 'Say it again.' }],
  ['/messages', { ...CHAT, max_tokens: 100 }],
  ['/inference', { model: 'quick', prompt: 'Say it again.' }],
] as const;

/** What differs between an answer and its reuse: the cost alone. */
function withoutCost(text: string): string {
  return text.replaceAll(/"cost(_usd)?":"[\d.]+"/g, '"cost":""');
}

describe.each(BODIES)('%s', (path, body) => {
  it('an equal request gets the same answer at the price of the policy, and no backend hears of it', async () => {
    const first = await make(path, body);
    const again = await make(path, body);
    expect(world.dispatched).toBe(1);
    expect(again.side.status).toBe(200);
    expect(again.side.headers).toMatchObject({ 'x-cache': 'hit', 'content-type': first.side.headers['content-type'] });
    expect(first.side.headers['x-cache']).toBeUndefined();
    expect(withoutCost(again.side.text)).toBe(withoutCost(first.side.text));
    expect(again.completed).toMatchObject({ usage: first.completed.usage, servedFrom: 'cache', attempts: [] });
    expect(first.completed.servedFrom).toBeUndefined();
    expect(again.completed.charged).toBe((first.completed.charged + 3n) / 4n);
    expect(again.completed.excess).toBe(0n);
  });
});

it.each(['/chat/completions', '/completions', '/responses', '/messages', '/inference'])(
  'a stream of %s is given again as a stream',
  async (path) => {
    const [, given] = BODIES.find(([known]) => known === path) ?? BODIES[0];
    const body = { ...given, stream: true };
    const first = await make(path, body);
    const again = await make(path, body);
    expect(world.dispatched).toBe(1);
    expect(again.side.headers).toMatchObject({
      'x-cache': 'hit',
      'content-type': 'text/event-stream; charset=utf-8',
      'x-accel-buffering': 'no',
    });
    expect(withoutCost(again.side.text)).toBe(withoutCost(first.side.text));
    // The unstreamed answer is another one.
    expect((await make(path, given)).side.headers['x-cache']).toBeUndefined();
  },
);

describe('is run again', () => {
  const isHit = async (body: object, rest?: Partial<Caller>) =>
    (await make('/chat/completions', body, rest)).side.headers['x-cache'] === 'hit';

  beforeEach(async () => {
    expect(await isHit(CHAT)).toBe(false);
    expect(await isHit(CHAT)).toBe(true);
  });

  it('what differs in any byte of its meaning', async () => {
    expect(await isHit({ ...CHAT, temperature: 0 })).toBe(false);
    expect(await isHit({ ...CHAT, messages: [{ role: 'user', content: 'Say it again!' }] })).toBe(false);
  });

  it('what its client wants anew', async () => {
    expect(await isHit(CHAT, { bypassesCache: true })).toBe(false);
  });

  it('what its client wants of one backend', async () => {
    expect(await isHit(CHAT, { routing: { onlyBackend: 'main' } })).toBe(false);
  });

  it('what another project asks, which is not to learn what was asked here', async () => {
    expect(await isHit(CHAT, { projectId: OTHER_PROJECT })).toBe(false);
    expect(await isHit(CHAT, { projectId: OTHER_PROJECT })).toBe(true);
  });

  it('what another organization asks', async () => {
    expect(await isHit(CHAT, { orgId: 'org_b' as OrganizationId })).toBe(false);
  });

  it('what carries an Idempotency-Key, which has its own answers', async () => {
    expect(await isHit(CHAT, { idempotencyKey: 'once' })).toBe(false);
  });

  it('what the policy has let grow old', async () => {
    world.clock.pass(599_000);
    expect(await isHit(CHAT)).toBe(true);
    world.clock.pass(1_000);
    expect(await isHit(CHAT)).toBe(false);
  });

  it('what an organization without a policy asks', async () => {
    const { responseCache: _none, ...caller } = world.caller();
    const side = await dialectAt('/chat/completions').use((one) => world.run(one, CHAT, caller));
    expect(side.headers['x-cache']).toBeUndefined();
  });
});

it('an organization may let its projects share their answers', async () => {
  const responseCache = { ...POLICY, scope: 'organization' } as const;
  await make('/chat/completions', CHAT, { responseCache });
  const shared = await make('/chat/completions', CHAT, { responseCache, projectId: OTHER_PROJECT });
  expect(shared.side.headers['x-cache']).toBe('hit');
  const alone = { ...POLICY, scope: 'project' } as const;
  expect((await make('/chat/completions', CHAT, { responseCache: alone })).side.headers['x-cache']).toBeUndefined();
});

it('a key that may not call the model gets no answer of it', async () => {
  await make('/chat/completions', CHAT);
  const caller = world.caller({ models: ['vectors' as ModelId] });
  const side = await dialectAt('/chat/completions').use((one) => world.run(one, CHAT, caller));
  expect(side.status).toBe(403);
});

it('an answer that a budget has cut short is not kept for when there is room again', async () => {
  await world.submit({
    type: 'DefineBudget',
    budgetId: 'bgt_a' as BudgetId,
    name: 'All',
    scope: { type: 'organization' },
    unit: 'tokens',
    period: 'total',
    limit: 100n,
    mode: 'block',
    thresholds: [],
    timeZone: 'UTC',
  });
  const { side } = await make('/chat/completions', CHAT);
  expect(Number(side.headers['x-output-cap'])).toBeLessThan(200);
  expect((await make('/chat/completions', CHAT)).side.headers['x-cache']).toBeUndefined();
});

it.each(['keyOf', 'find'] as const)(
  'a cache that cannot be read (%s) costs a call and refuses none',
  async (method) => {
    const broken = jest.spyOn(world.deps.responseCache, method).mockRejectedValue(new Error('the disk is gone'));
    expect((await make('/chat/completions', CHAT)).side.status).toBe(200);
    expect((await make('/chat/completions', CHAT)).side.status).toBe(200);
    expect(world.dispatched).toBe(2);
    expect(world.problems.splice(0)).toHaveLength(2);
    broken.mockRestore();
  },
);

it('a failure is not kept', async () => {
  const body = { ...CHAT, model: 'failing' };
  for (const calls of [1, 2]) {
    const side = await dialectAt('/chat/completions').use((one) => world.run(one, body));
    expect([side.status, world.dispatched]).toEqual([502, calls]);
  }
});

it.each([
  [0, 0n],
  [100, 1n],
])('a reuse at %i percent', async (hitPricePercent, factor) => {
  const responseCache = { ...POLICY, hitPricePercent };
  const first = await make('/chat/completions', CHAT, { responseCache });
  const again = await make('/chat/completions', CHAT, { responseCache });
  expect(again.completed).toMatchObject({ servedFrom: 'cache', charged: first.completed.charged * factor });
});
