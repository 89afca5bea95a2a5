import { type Answer, jsonOf, read } from '../e2e/support/answers';
import type { Tenant } from '../e2e/support/tenant';
import { World } from '../e2e/support/world';

type Json = Readonly<Record<string, unknown>>;

interface Report {
  readonly rows: readonly Json[];
  readonly totals: Json;
  readonly timeZone: string;
  readonly watermark: Json;
}

/** What analysts ask of an organization, over HTTP, right after its calls. */
describe('the analytics plane', () => {
  let world: World;
  let tenant: Tenant;
  let good: string;
  let bad: string;
  let otherProject: string;
  let otherKey: { readonly id: string; readonly secret: string };
  /** In order: three good ones, one that failed, one refused, one good one of another project. */
  let calls: readonly string[];
  /** Of the newest event then. */
  let position: bigint;

  beforeAll(async () => {
    world = await World.open();
    [tenant, good, bad] = [await world.tenant(), await world.model(), await world.model({ status: 502 })];
    otherProject = await world.platform.admin.createProject(tenant.orgId, 'Other');
    otherKey = await world.platform.admin.createKey(tenant.orgId, otherProject);
    const made: string[] = [];
    for (const model of [good, good, good, bad, 'no/such']) made.push((await tenant.chat(model)).requestId);
    const other = await fetch(`${world.platform.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${otherKey.secret}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: good, messages: [{ role: 'user', content: 'Hello' }], max_tokens: 5 }),
    });
    made.push(other.headers.get('x-request-id') ?? '');
    calls = made;
    position = (await world.platform.allEvents()).at(-1)?.position ?? 0n;
  });
  afterAll(() => world.close());

  /** As the administrator, unless a key is given. Every question waits for what was done above. */
  async function ask(question: string, secret = world.platform.firstRun.systemToken, org = tenant.orgId) {
    const [path, query = ''] = question.split('?');
    const all = query.includes('atLeast') ? query : `${query}${query === '' ? '' : '&'}atLeast=${position}`;
    const url = `${world.platform.url}/analytics/v1/organizations/${org}/${path}?${all}`;
    return read(await fetch(url, { headers: { authorization: `Bearer ${secret}` } }));
  }

  async function report(question: string, secret?: string, org?: string): Promise<Report> {
    const answer = await ask(question, secret, org);
    if (answer.status !== 200) throw new Error(answer.text);
    return jsonOf<Report & Json>(answer);
  }

  function expectProblem(answer: Answer, status: number, code: string): Json {
    const problem = jsonOf(answer);
    expect([answer.status, problem.code]).toEqual([status, code]);
    expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
    expect(problem).toMatchObject({ status, title: expect.any(String), detail: expect.any(String) });
    return problem;
  }

  const inDays = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);

  describe('usage', () => {
    it('sums up', async () => {
      const { rows, totals, watermark } = await report('usage?granularity=total');
      expect(rows).toHaveLength(1);
      expect(totals).toMatchObject({
        calls: '5',
        refused: '1',
        inputTokens: '40',
        outputTokens: '12',
        cost: '0.000064',
      });
      expect(BigInt(String(watermark.position))).toBeGreaterThanOrEqual(position);
    });

    it('splits by dimensions', async () => {
      const { rows } = await report('usage?granularity=total&groupBy=project,outcome');
      const keyed = rows.map(({ keys, calls: count, refused, cost }) => ({ ...(keys as Json), count, refused, cost }));
      const { projectId } = tenant;
      expect(keyed).toHaveLength(4);
      expect(keyed).toEqual(
        expect.arrayContaining([
          { project: projectId, outcome: 'completed', count: '3', refused: '0', cost: '0.000048' },
          { project: projectId, outcome: 'unresolved', count: '1', refused: '0', cost: '0' },
          { project: projectId, outcome: 'refused', count: '0', refused: '1', cost: '0' },
          { project: otherProject, outcome: 'completed', count: '1', refused: '0', cost: '0.000016' },
        ]),
      );
    });

    it('filters', async () => {
      const byModel = await report(`usage?granularity=total&where=model:${good}&where=project:${otherProject}`);
      expect(byModel.totals).toMatchObject({ calls: '1', cost: '0.000016' });
      const either = await report(`usage?granularity=total&where=model:${good}&where=model:${bad}`);
      expect(either.totals).toMatchObject({ calls: '5', refused: '0' });
    });

    it.each([
      ['UTC', 0],
      ['Asia/Kolkata', 330],
      ['America/New_York', undefined],
    ])('cuts days as %s does', async (timeZone, offsetMinutes) => {
      const { rows, timeZone: answered } = await report(
        `usage?granularity=day&timeZone=${timeZone}&from=${inDays(-7)}&to=${inDays(7)}`,
      );
      expect(answered).toBe(timeZone);
      for (const { from, to } of rows) {
        const local = new Intl.DateTimeFormat('en-GB', {
          timeZone,
          hour: '2-digit',
          minute: '2-digit',
          hourCycle: 'h23',
        });
        expect([from, to].map((moment) => local.format(new Date(String(moment))))).toEqual(['00:00', '00:00']);
        if (offsetMinutes !== undefined)
          expect((Date.parse(String(from)) / 60_000 + offsetMinutes) % (24 * 60)).toBe(0);
      }
      expect(rows.reduce((sum, { calls: count }) => sum + Number(count), 0)).toBe(5);
    });

    it('says what a backend served and what the response cache did', async () => {
      const { rows } = await report('usage?granularity=total&groupBy=served-from');
      const counts = rows.map(({ keys, calls: count, refused }) => [(keys as Json)['served-from'], count, refused]);
      expect(counts).toEqual([
        [null, '0', '1'],
        ['backend', '5', '0'],
      ]);
      const cached = await report('usage?granularity=total&where=served-from:cache');
      expect(cached.totals).toMatchObject({ calls: '0' });
    });

    it('of a time without calls is empty', async () => {
      const { rows, totals } = await report('usage?from=2020-01-01&to=2020-02-01');
      expect([rows, totals.calls]).toEqual([[], '0']);
    });

    it('ends before what it excludes', async () => {
      const { totals } = await report(`usage?from=${inDays(-7)}&to=${inDays(-1)}`);
      expect(totals.calls).toBe('0');
    });
  });

  it('latency has quantiles of completed calls', async () => {
    const { rows, totals } = await report('latency?granularity=total&groupBy=model');
    expect(rows.map(({ keys }) => keys)).toEqual([{ model: good }]);
    expect(totals).toMatchObject({
      calls: '4',
      latencyMs: { p50: expect.any(Number), p95: expect.any(Number), p99: expect.any(Number) },
    });
    const { p50, p95, p99 } = totals.latencyMs as Record<'p50' | 'p95' | 'p99', number>;
    expect([p50, p95, p99]).toEqual([p50, p95, p99].sort((a, b) => a - b));
  });

  it('errors are counted by outcome and code', async () => {
    const { totals } = await report('errors?granularity=total');
    expect(totals).toMatchObject({ calls: '6', errors: '2', errorRate: 1 / 3 });
    expect(totals.byCode).toEqual(
      expect.arrayContaining([
        { outcome: 'refused', code: 'model_not_found', calls: '1' },
        { outcome: 'unresolved', code: 'status-502:server_error', calls: '1' },
      ]),
    );
  });

  describe('calls', () => {
    const page = async (question: string, secret?: string) =>
      jsonOf<{ data: readonly Json[]; next: string | null }>(await ask(question, secret));
    const ids = (data: readonly Json[]) => data.map(({ callId }) => callId);

    it('come newest first, page by page', async () => {
      const found: unknown[] = [];
      let after = '';
      for (let pages = 0; pages < 10; pages += 1) {
        const { data, next } = await page(`calls?limit=2${after}`);
        found.push(...ids(data));
        if (next === null) break;
        after = `&after=${encodeURIComponent(next)}`;
      }
      expect(found).toEqual([...calls].reverse());
    });

    it('are found by what they were', async () => {
      expect(ids((await page(`calls?where=model:${bad}`)).data)).toEqual([calls[3]]);
      expect(ids((await page('calls?where=outcome:refused')).data)).toEqual([calls[4]]);
      expect(ids((await page(`calls?where=api-key:${otherKey.id}`)).data)).toEqual([calls[5]]);
      expect((await page('calls?where=outcome:completed&where=code:nothing')).data).toEqual([]);
    });

    it('refuse a cursor that is none', async () => {
      expectProblem(await ask('calls?after=nonsense'), 422, 'cursor_invalid');
    });
  });

  it('budgets have a history, keys a last use', async () => {
    const { budget, periods } = jsonOf<{ budget: Json; periods: readonly Json[] }>(
      await ask(`budgets/${tenant.budgetId}/history`),
    );
    expect(budget).toMatchObject({ limit: '10', history: [{ what: 'defined', limit: '10' }] });
    expect(periods).toMatchObject([{ limit: '10', settled: '0.000064', held: '0' }]);
    expect(Number(periods[0]?.unresolved)).toBeGreaterThan(0.0001);
    const keys = jsonOf(await ask('api-keys'));
    expect(JSON.stringify(keys)).toContain(otherKey.id);
    expectProblem(await ask('budgets/bgt_00000000000000000000000000/history'), 404, 'not_found');
  });

  it('freshness says how far the views reach', async () => {
    const fresh = jsonOf<{ openCalls: number; unresolvedCalls: number; watermark: Json }>(await ask('freshness'));
    expect(fresh).toMatchObject({ openCalls: 0, unresolvedCalls: 1 });
    expect(BigInt(String(fresh.watermark.position))).toBeGreaterThanOrEqual(position);
  });

  it('waits for the position that it is asked for, and says so when it does not come', async () => {
    const { requestId } = await tenant.chat(good, { max_tokens: 1 });
    const newest = (await world.platform.allEvents()).at(-1)?.position ?? 0n;
    const seen = jsonOf<{ data: readonly Json[] }>(await ask(`calls?limit=1&atLeast=${newest}`));
    expect(seen.data).toMatchObject([{ callId: requestId }]);
    const answer = await ask(`usage?atLeast=${newest + 1_000_000n}`);
    expectProblem(answer, 503, 'position_not_reached');
    expect(answer.headers.get('retry-after')).toBe('1');
  });

  describe('lets in', () => {
    it('nobody without a credential, nor one that is wrong', async () => {
      for (const secret of ['', 'nonsense', 'aiaas_live_nonsense'])
        expectProblem(await ask('usage', secret), 401, 'invalid_token');
    });

    it('no key without the scope', async () => {
      expectProblem(await ask('usage', tenant.key.secret), 403, 'insufficient_scope');
    });

    it('a key with the scope, to its own project only', async () => {
      const { secret } = await world.platform.admin.createKey(tenant.orgId, otherProject, {
        scopes: ['analytics:read'],
      });
      for (const org of [tenant.orgId, tenant.slug, 'me']) {
        const { totals } = await report('usage?granularity=total', secret, org);
        expect(totals).toMatchObject({ calls: '1', refused: '0', cost: '0.000016' });
      }
      const own = await report(`usage?granularity=total&where=project:${otherProject}`, secret);
      expect(own.totals).toMatchObject({ calls: '1' });
      const { data } = jsonOf<{ data: readonly Json[] }>(await ask('calls', secret));
      expect(data.map(({ callId }) => callId)).toEqual([calls[5]]);
      expectProblem(await ask(`budgets/${tenant.budgetId}/history`, secret), 403, 'not_permitted');
      const stranger = await world.tenant();
      expectProblem(await ask('usage', secret, stranger.orgId), 404, 'not_found');
      expectProblem(await ask('usage', secret, 'nobody'), 404, 'not_found');
    });
  });

  it.each([
    ['a project', () => `project:${tenant.projectId}`],
    ['an API key', () => `api-key:${tenant.key.id}`],
  ])('a key learns nothing, not its own numbers either, by naming %s of others', async (_what, named) => {
    const { secret } = await world.platform.admin.createKey(tenant.orgId, otherProject, { scopes: ['analytics:read'] });
    const where = `where=${named()}`;
    for (const granularity of ['total', 'day']) {
      const usage = await report(`usage?granularity=${granularity}&${where}`, secret);
      expect(usage.totals).toMatchObject({ calls: '0', refused: '0', cost: '0' });
      expect(usage.rows.every(({ calls }) => calls === '0')).toBe(true);
    }
    expect((await report(`usage?groupBy=project,api-key&${where}`, secret)).rows).toEqual([]);
    expect(jsonOf<{ data: unknown[] }>(await ask(`calls?${where}`, secret)).data).toEqual([]);
    for (const kind of ['latency', 'errors']) {
      const text = JSON.stringify(jsonOf(await ask(`${kind}?granularity=total&${where}`, secret)));
      expect(text).not.toContain(tenant.projectId);
      expect(text).not.toMatch(/"(?:calls|count)":"?[1-9]/);
    }
  });

  it.each([
    ['usage?from=yesterday', '/from'],
    ['usage?from=2026-02-01&to=2026-01-01', '/from'],
    ['usage?granularity=decade', '/granularity'],
    ['usage?groupBy=color', '/groupBy'],
    ['usage?where=model', '/where'],
    ['usage?where=color:red', '/where'],
    ['usage?granularity=day&granularity=hour', '/granularity'],
    ['calls?limit=0', '/limit'],
    ['calls?limit=many', '/limit'],
    ['usage?atLeast=-1', '/atLeast'],
    ['usage?model=echo', '/model'],
    ['usage?groupby=model', '/groupby'],
    ['latency?project=other', '/project'],
    ['errors?limit=1', '/limit'],
    ['calls?granularity=day', '/granularity'],
    ['calls?outcome=unresolved', '/outcome'],
    ['api-keys?key=a', '/key'],
    ['freshness?from=2026-01-01', '/from'],
  ])('%s is refused, and why', async (question, pointer) => {
    const problem = expectProblem(await ask(question), 422, 'invalid_request');
    expect(problem.errors).toEqual([{ pointer, message: expect.any(String) }]);
  });

  it.each(['usage', 'latency', 'errors', 'calls'])('an unknown time zone is refused: %s', async (report) => {
    expectProblem(await ask(`${report}?timeZone=Mars/Olympus`), 422, 'time_zone_unknown');
  });

  it.each([
    ['', '2026-06-01T00:00:00.000Z', '2026-06-02T00:00:00.000Z'],
    ['&timeZone=Asia/Kolkata', '2026-05-31T18:30:00.000Z', '2026-06-01T18:30:00.000Z'],
  ])('a plain date is a day of the named zone%s', async (zone, from, to) => {
    for (const report of ['usage', 'latency', 'errors'])
      expect(jsonOf(await ask(`${report}?from=2026-06-01&to=2026-06-02${zone}`))).toMatchObject({ from, to });
  });
});
