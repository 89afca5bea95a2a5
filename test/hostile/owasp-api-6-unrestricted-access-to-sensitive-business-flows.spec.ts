import { eventually, exchange, head, posting } from '#testing/raw-http';
import { chatBody, type Tenant } from '../e2e/support/tenant';
import { bearer, Siege } from './support/siege';

const REFUSED_PER_SECOND = 5;
const FREE_PER_SECOND = 10;
const BURST_SECONDS = 10;
/** Far beyond both bursts, whatever time the requests take. */
const REQUESTS = 300;
const AT_ONCE = 20;

/**
 * OWASP API Security Top 10 (2023), item 6: what a client may do as often as it likes, because nothing of it is paid for
 * or limited by the record, is done only so often, and nobody else has less of it.
 */
describe('unrestricted access to sensitive business flows', () => {
  let siege: Siege;

  beforeAll(async () => {
    siege = await Siege.open({
      AIAAS_REFUSED_PER_SECOND: String(REFUSED_PER_SECOND),
      AIAAS_FREE_PER_SECOND: String(FREE_PER_SECOND),
    });
  });
  afterAll(() => siege.close());

  /** The statuses of so many equal requests, each on a connection of its own. */
  async function flood(request: string, requests = REQUESTS): Promise<readonly number[]> {
    const statuses: number[] = [];
    const startedMs = performance.now();
    const next = async (): Promise<void> => {
      while (statuses.length < requests) statuses.push((await exchange(siege.url, request)).status);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, next));
    elapsedSeconds = (performance.now() - startedMs) / 1_000;
    return statuses;
  }
  let elapsedSeconds = 0;

  /** How many of a flood can have been looked at: the burst, what came back meanwhile, and those that ran at once. */
  function allowed(perSecond: number): number {
    return perSecond * (BURST_SECONDS + Math.ceil(elapsedSeconds)) + AT_ONCE;
  }

  function count(statuses: readonly number[], status: number): number {
    return statuses.filter((one) => one === status).length;
  }

  async function newKey(tenant: Tenant = siege.attacker): Promise<string> {
    return (await siege.world.platform.admin.createKey(tenant.orgId, tenant.projectId)).secret;
  }

  async function expectNeighbourUnhurt(): Promise<void> {
    const { status, text } = await siege.neighbour.chat(siege.model);
    expect([status, text]).toEqual([200, expect.stringContaining('"usage"')]);
  }

  it('guessing keys: whoever guesses from an address is refused in short, and valid keys from there are not', async () => {
    const statuses = await flood(head('GET /v1/models', bearer('aiaas_live_guessed')));
    expect(count(statuses, 401)).toBeLessThanOrEqual(allowed(REFUSED_PER_SECOND));
    expect(count(statuses, 401) + count(statuses, 429)).toBe(statuses.length);
    await expectNeighbourUnhurt();
    // Another address has not guessed.
    expect((await exchange(siege.url, head('GET /v1/models', bearer('wrong')), '127.0.0.9')).status).toBe(401);
  });

  it.each(['/admin/v1/organizations', '/admin/v1/nothing', '/analytics/v1/views'])(
    'guessing tokens on %s: the same, and the administrator goes on',
    async (path) => {
      const statuses = await flood(posting(path, '{"name":', bearer('aiaas_sys_guessed')));
      expect(count(statuses, 401) + count(statuses, 429)).toBe(statuses.length);
      expect(count(statuses, 401)).toBeLessThanOrEqual(allowed(REFUSED_PER_SECOND));
      const { systemToken } = siege.world.platform.firstRun;
      expect((await exchange(siege.url, head('GET /admin/v1/organizations', bearer(systemToken)))).status).toBe(200);
    },
  );

  it('calls that are refused: the record and the log stay short, and other keys of the organization go on', async () => {
    const key = await newKey();
    const eventsBefore = (await siege.world.platform.ledgerEvents(siege.attacker.orgId)).length;
    const logBefore = siege.world.platform.output.length;
    const statuses: number[] = [];
    for (let round = 0; round < 6; round += 1)
      statuses.push(
        ...(await flood(posting('/v1/chat/completions', JSON.stringify(chatBody(`no-${round}`)), bearer(key)), 100)),
      );
    expect(count(statuses, 404) + count(statuses, 429)).toBe(statuses.length);
    expect(count(statuses, 404)).toBeLessThanOrEqual(6 * allowed(REFUSED_PER_SECOND));
    expect(count(statuses, 429)).toBeGreaterThan(0);
    const events = (await siege.world.platform.ledgerEvents(siege.attacker.orgId)).length - eventsBefore;
    expect(events).toBeLessThanOrEqual(12);
    expect(siege.world.platform.output.length - logBefore).toBeLessThan(150_000);
    expect((await siege.attacker.chat(siege.model)).status).toBe(200);
    await expectNeighbourUnhurt();
  });

  it.each([
    [
      'preflights',
      () => posting('/v1/preflight', JSON.stringify({ endpoint: '/v1/chat/completions', body: chatBody(siege.model) })),
    ],
    ['token counts', () => posting('/v1/messages/count_tokens', JSON.stringify(chatBody(siege.model)))],
    ['reads', () => head('GET /v1/usage')],
    ['lists of models', () => head('GET /v1/models')],
  ])('%s: only so many, for they cost nothing', async (_, request) => {
    const authorization = `Authorization: Bearer ${await newKey()}\r\n`;
    const statuses = await flood(request().replace('Host: x\r\n', `Host: x\r\n${authorization}`));
    expect(count(statuses, 200) + count(statuses, 429)).toBe(statuses.length);
    expect(count(statuses, 200)).toBeGreaterThanOrEqual(FREE_PER_SECOND * BURST_SECONDS);
    expect(count(statuses, 200)).toBeLessThanOrEqual(allowed(FREE_PER_SECOND));
    await expectNeighbourUnhurt();
  });

  it('repeats of one paid call: only so many, and the call is charged once', async () => {
    const key = await newKey();
    const calls = siege.world.upstream.calls.length;
    const body = JSON.stringify(chatBody(siege.model));
    const repeat = posting('/v1/chat/completions', body, { ...bearer(key), 'Idempotency-Key': 'one' });
    const [first] = await flood(repeat, 1);
    const statuses = await flood(repeat);
    expect([first, count(statuses, 200) + count(statuses, 429)]).toEqual([200, statuses.length]);
    expect(count(statuses, 200)).toBeLessThanOrEqual(allowed(FREE_PER_SECOND));
    expect(siege.world.upstream.calls.length - calls).toBe(1);
  });

  it('what was turned away is counted, and told by nothing else', async () => {
    const text = await eventually(
      async () => (await exchange(siege.url, head('GET /metrics'))).body,
      (metrics) => /aiaas_throttled_requests_total\{what="free"\} [1-9]/.test(metrics),
    );
    for (const what of ['unauthenticated', 'refused'])
      expect(text).toMatch(new RegExp(`aiaas_throttled_requests_total\\{what="${what}"\\} [1-9]`));
  });
});
