import { randomUUID } from 'node:crypto';
import { type CallAnswer, type Customer, Gateways, readCall, until } from './support/gateways';

const PATIENCE_MS = 10_000;
/** What a busy machine may add to it. */
const SLACK_MS = 10_000;
const CALLS_MEANWHILE = 10;

function dataFrames(text: string): string[] {
  return text
    .split('\n\n')
    .filter((frame) => frame.startsWith('data: '))
    .map((frame) => frame.slice('data: '.length));
}

/** The tests of this file follow one another: the last ones leave a store that nobody should go on with. */
describe('gateways and a store that misbehaves', () => {
  let world: Gateways;
  let model: string;
  let slow: string;
  let customer: Customer;
  let other: Customer;

  beforeAll(async () => {
    world = await Gateways.open(2);
    model = await world.model();
    slow = await world.model({ pauseAfter: 2 });
    customer = await world.customer();
    other = await world.customer();
    for (const { key } of [customer, other]) for (const index of [0, 1]) await untilServed(index, key.secret);
  });
  afterAll(() => world.close());

  function untilServed(index: number, secret: string): Promise<CallAnswer> {
    return until(`an answer of gateway ${index}`, async () => {
      const answer = await world.call(index, secret, model, world.name('marker-served'));
      return answer.status === 200 ? answer : undefined;
    });
  }

  describe('one that is away', () => {
    let stream: Promise<CallAnswer>;
    let settlingSinceMs: number;

    it('calls are refused with a clear 503 and reach no backend', async () => {
      const { secret } = customer.key;
      const open = await world.open(0, secret, slow, 'marker-stream', { stream: true });
      stream = readCall(open);
      await world.store.kill();
      const answers: CallAnswer[] = [];
      for (let index = 0; index < CALLS_MEANWHILE; index += 1)
        answers.push(await world.call(index % 2, secret, model, `marker-away-${index}`));
      for (const { status, code, headers, text } of answers) {
        expect([status, text]).toEqual([503, expect.stringContaining('"message"')]);
        expect(['not_ready', 'ledger_unavailable', 'record_unavailable']).toContain(code);
        expect(headers.get('retry-after') ?? headers.get('x-should-retry')).not.toBeNull();
      }
      expect(world.arrivals('marker-away')).toEqual([]);
      expect((await world.health(0)).status).toBe(503);
    });

    it('a stream that runs meanwhile ends in one error frame, after waiting for its settlement', async () => {
      settlingSinceMs = performance.now();
      world.upstream.resume('marker-stream');
      const { text, status, code } = await stream;
      expect(performance.now() - settlingSinceMs).toBeLessThan(PATIENCE_MS + SLACK_MS);
      expect([status, code]).toEqual([200, 'record_unavailable']);
      expect(dataFrames(text)).not.toContain('[DONE]');
      expect(dataFrames(text).at(-1)).toContain('"error"');
      expect(text.split('"error"')).toHaveLength(2);
    });

    it('once it is back calls work by themselves, and the stream is settled after all', async () => {
      await world.store.startAgain();
      for (const index of [0, 1]) {
        await untilServed(index, customer.key.secret);
        await world.untilReady(index);
      }
      await until('the settlement of the stream', async () => {
        const types = await world.typesOf(customer.orgId, 'marker-stream');
        return types.at(-1) === 'InferenceCompleted' ? true : undefined;
      });
      const { settled, held } = await world.gateway(1).admin.budget(customer.orgId, customer.budgetId);
      expect([Number(settled) > 0, held]).toEqual([true, '0']);
    });
  });

  describe('what nobody can read', () => {
    it.each([
      ['an event of a ledger without its data', '{"v":1,"at":"2026-05-13T12:00:00.000Z","data":{}}'],
      ['one that is no JSON', '{"v":1,"at":'],
    ])('%s stops that organization with a clear answer, and no other', async (_, body) => {
      const victim = await world.customer();
      await untilServed(1, victim.key.secret);
      const before = await world.stored(victim.orgId);
      await world.store.append(`ledger-${victim.orgId}`, [
        { id: randomUUID(), type: 'InferenceCompleted', body: Buffer.from(body) },
      ]);
      for (const index of [0, 1]) {
        const answer = await world.call(index, victim.key.secret, model, `marker-poison-${index}`);
        expect([answer.status, answer.code]).toEqual([503, 'ledger_unavailable']);
      }
      expect(world.arrivals('marker-poison')).toEqual([]);
      for (const index of [0, 1]) await untilServed(index, other.key.secret);
      // Nothing was written beyond it, as if it were not there.
      expect(await world.stored(victim.orgId)).toHaveLength(before.length + 1);
    });
  });

  describe('one that was restored to an older state', () => {
    it('is refused by every gateway, which says so in its log, its health and its answers', async () => {
      const restore = await world.store.backUp();
      for (const index of [0, 1]) await untilServed(index, customer.key.secret);
      await world.gateway(0).admin.createOrganization('Lost', 'lost');
      await restore();
      for (const index of [0, 1]) {
        const line = await world
          .gateway(index)
          .logged('a line about a changed history', ({ level }) => level === 'fatal', 30_000);
        expect(JSON.stringify(line)).toMatch(/restored|no longer/);
        const answer = await world.call(index, customer.key.secret, model, 'marker-restored');
        expect([answer.status, answer.headers.has('retry-after')]).toEqual([503, true]);
        const { status, checks } = await world.health(index);
        expect([status, checks.cluster?.status]).toEqual([503, 'fail']);
        expect(checks.cluster?.message).toMatch(/restored|no longer/);
      }
      expect(world.arrivals('marker-restored')).toEqual([]);
    });

    it('serves again once the gateways are started anew', async () => {
      const gateway = world.gateway(0);
      await gateway.kill('SIGKILL');
      await gateway.respawn();
      await gateway.ready();
      await untilServed(0, customer.key.secret);
    });
  });

  describe('an event of a control stream that nobody can read', () => {
    it('is told, and nothing after it is taken for known: a gateway refuses rather than guess', async () => {
      await world.store.append(`organization-${other.orgId}`, [
        { id: randomUUID(), type: 'OrganizationSuspended', body: Buffer.from('{"v":1,"at":') },
      ]);
      const line = await world
        .gateway(0)
        .logged('a line about control facts', (one) => one.message === 'control plane' && one.level === 'error');
      expect(JSON.stringify(line)).toContain('no longer followed');
      const answer = await until('a refusal', async () => {
        const made = await world.call(0, customer.key.secret, model, world.name('marker-blind'));
        return made.status === 200 ? undefined : made;
      });
      expect([answer.status, answer.code]).toEqual([503, 'not_ready']);
      expect((await world.health(0)).status).toBe(503);
    });
  });
});
