import { setTimeout } from 'node:timers/promises';
import Anthropic from '@anthropic-ai/sdk';
import type { MockPlan } from '#testing/mock-upstream';
import type { Answer } from '../e2e/support/answers';
import type { Tenant } from '../e2e/support/tenant';
import { World } from '../e2e/support/world';

/**
 * A client that is cut off sends its request again under the same Idempotency-Key: it gets the first answer, whole, and
 * pays once, whatever dialect it speaks. Where that answer is lost, it is told so in its own dialect.
 */

const COST_OF_CALL = 16_000n;
const KEY = { 'idempotency-key': 'order-1' };

type Body = Readonly<Record<string, unknown>>;

interface DialectUnderTest {
  readonly path: string;
  readonly saying: (words: string) => Body;
  /** What a whole stream ends with. */
  readonly lastWords: string;
}

const messagesOf = (content: string) => ({ messages: [{ role: 'user', content }], max_tokens: 100 });
const DIALECTS: readonly DialectUnderTest[] = [
  { path: '/chat/completions', saying: messagesOf, lastWords: 'data: [DONE]' },
  { path: '/messages', saying: messagesOf, lastWords: 'data: {"type":"message_stop"}' },
  {
    path: '/responses',
    saying: (input) => ({ input, max_output_tokens: 100 }),
    lastWords: '"type":"response.completed"',
  },
];

let world: World;
beforeAll(async () => {
  world = await World.open();
});
afterAll(() => world.close());

function errorIn({ text }: Answer): { readonly code: string; readonly details?: Body } {
  return (JSON.parse(text) as { error: { code: string; details?: Body } }).error;
}

describe.each(DIALECTS.map((one) => [one.path, one] as const))('%s', (path, { saying, lastWords }) => {
  let tenant: Tenant;

  async function begin(plan: Partial<MockPlan> = {}): Promise<{ readonly model: string; readonly asked: Body }> {
    const [made, model] = await Promise.all([world.tenant(), world.model(plan)]);
    tenant = made;
    return { model, asked: { model, ...saying(marker()) } };
  }

  const marker = () => `marker-${tenant.slug}`;
  const post = (asked: Body) => tenant.post(path, asked, KEY);

  function send(asked: Body, signal: AbortSignal): Promise<Response> {
    return tenant.fetch(path, { method: 'POST', body: JSON.stringify(asked), headers: KEY, signal });
  }

  async function expectReplayed(repeat: Answer, calls: number): Promise<void> {
    expect([repeat.status, repeat.headers.get('idempotent-replayed')]).toEqual([200, 'true']);
    expect(world.upstream.callCount).toBe(calls + 1);
    expect(await tenant.money()).toEqual({ settled: COST_OF_CALL, held: 0n, unresolved: 0n });
  }

  it.each([false, true])('cut off before any header (stream: %p)', async (stream) => {
    const { asked } = await begin({ pauseAfter: stream ? 1 : 0 });
    if (stream) world.upstream.script({ pauseAfter: 0 });
    const calls = world.upstream.callCount;
    const cut = new AbortController();
    const lost = send({ ...asked, stream }, cut.signal).catch((error: Error) => error.name);
    await world.upstream.callWith(marker());
    cut.abort();
    expect(await lost).toBe('AbortError');
    const repeat = post({ ...asked, stream });
    expect(await Promise.race([repeat, setTimeout(100, 'waiting')])).toBe('waiting');
    world.upstream.resume();
    await expectReplayed(await repeat, calls);
    if (stream) expect((await repeat).text).toContain(lastWords);
  });

  it('cut off in the middle of a stream', async () => {
    const { asked } = await begin({ pauseAfter: 2 });
    const calls = world.upstream.callCount;
    const cut = new AbortController();
    const response = await send({ ...asked, stream: true }, cut.signal);
    const beginning = await response.body?.getReader().read();
    cut.abort();
    const repeat = post({ ...asked, stream: true });
    expect(await Promise.race([repeat, setTimeout(100, 'waiting')])).toBe('waiting');
    world.upstream.resume();
    await expectReplayed(await repeat, calls);
    const { text } = await repeat;
    expect(text.startsWith(new TextDecoder().decode(beginning?.value))).toBe(true);
    expect(text).toContain(lastWords);
  });

  it.each([false, true])('repeated after a whole answer (stream: %p)', async (stream) => {
    const { asked } = await begin();
    const calls = world.upstream.callCount;
    const first = await post({ ...asked, stream });
    const repeat = await post({ ...asked, stream });
    await expectReplayed(repeat, calls);
    expect(repeat.text).toBe(first.text);
    expect(repeat.headers.get('content-type')).toBe(first.headers.get('content-type'));
    expect(repeat.headers.get('x-original-request-id')).toBe(first.requestId);
    // A stream and its unstreamed twin are two requests.
    const twin = await post({ ...asked, stream: !stream });
    expect([twin.status, errorIn(twin).code]).toEqual([400, 'idempotency_key_reused']);
  });

  it.each([
    ['with an error that may be billed', { status: 502 }, false],
    ['in its body', { ending: 'cut' }, false],
    ['in its stream', { ending: 'cut', endAfter: 2 }, true],
  ] as const)('after a backend that broke off %s: charged, and the answer is lost', async (_where, plan, stream) => {
    const { asked } = await begin();
    world.upstream.script(plan);
    const calls = world.upstream.callCount;
    const first = await post({ ...asked, stream });
    const repeat = await post({ ...asked, stream });
    expect([repeat.status, errorIn(repeat).code]).toEqual([409, 'idempotency_outcome_unknown']);
    expect(errorIn(repeat).details).toMatchObject({ call_id: first.requestId });
    expect(repeat.headers.get('x-should-retry')).toBe('false');
    expect(world.upstream.callCount).toBe(calls + 1);
  });

  it('after a refusal the key is free', async () => {
    const { asked } = await begin();
    const { admin } = world.platform;
    await admin.request('PATCH', `/organizations/${tenant.orgId}/budgets/${tenant.budgetId}`, { limit: '0.000001' });
    const refused = await post(asked);
    expect([refused.status, errorIn(refused).code]).toEqual([402, 'budget_exhausted']);
    await admin.request('PATCH', `/organizations/${tenant.orgId}/budgets/${tenant.budgetId}`, { limit: '10' });
    const calls = world.upstream.callCount;
    const second = await post(asked);
    expect([second.status, second.headers.has('idempotent-replayed')]).toEqual([200, false]);
    await expectReplayed(await post(asked), calls);
  });

  it('the platform is killed: what was answered is answered again, what was not is not run again', async () => {
    const { asked } = await begin();
    const answered = await post(asked);
    const running = { ...asked, ...saying(`${marker()}-2`) };
    world.upstream.script({ pauseAfter: 0 });
    const other = { 'idempotency-key': 'order-2' };
    const lost = tenant.post(path, running, other).catch(() => 'lost');
    await world.upstream.callWith(`${marker()}-2`);
    await world.platform.restart('SIGKILL');
    expect(await lost).toBe('lost');
    await world.platform.ledgerUntil(tenant.orgId, ({ holds }) => holds.size === 0);
    const calls = world.upstream.callCount;
    expect((await post(asked)).text).toBe(answered.text);
    const repeat = await tenant.post(path, running, other);
    expect([repeat.status, errorIn(repeat).code]).toEqual([409, 'idempotency_outcome_unknown']);
    expect(world.upstream.callCount).toBe(calls);
    world.upstream.resume();
  });
});

describe('clients that give up too early and try again by themselves', () => {
  it('Anthropic’s', async () => {
    const [tenant, model] = await Promise.all([world.tenant(), world.model({ firstByteMs: 600 })]);
    const calls = world.upstream.callCount;
    const client = new Anthropic({
      baseURL: world.platform.url,
      apiKey: tenant.key.secret,
      timeout: 250,
      maxRetries: 8,
      defaultHeaders: KEY,
    });
    const message = await client.messages.create({
      model,
      max_tokens: 100,
      messages: [{ role: 'user', content: 'How are you?' }],
    });
    expect(message.content).toMatchObject([{ type: 'text', text: 'word word word ' }]);
    expect(world.upstream.callCount).toBe(calls + 1);
    expect(await tenant.money()).toEqual({ settled: COST_OF_CALL, held: 0n, unresolved: 0n });
  });

  it('OpenAI’s, for a response', async () => {
    const [tenant, model] = await Promise.all([world.tenant(), world.model({ firstByteMs: 600 })]);
    const calls = world.upstream.callCount;
    const client = tenant.openai({ timeout: 250, maxRetries: 8, defaultHeaders: KEY });
    const response = await client.responses.create({ model, input: 'How are you?', max_output_tokens: 100 });
    expect(response.output_text).toBe('word word word ');
    expect(world.upstream.callCount).toBe(calls + 1);
    expect(await tenant.money()).toEqual({ settled: COST_OF_CALL, held: 0n, unresolved: 0n });
  });
});
