import { eventually, head, posting } from '#testing/raw-http';
import { Siege } from './support/siege';

/** OWASP API Security Top 10 (2023), item 4: nobody gets more of the machine than is his, whatever he sends. */
describe('unrestricted resource consumption', () => {
  let siege: Siege;
  let before: number | undefined;

  beforeAll(async () => {
    siege = await Siege.open();
  });
  afterAll(() => siege.close());
  beforeEach(() => {
    before = siege.descriptors();
  });

  describe('by requests that do not wait for their turn', () => {
    it.each([
      ['a page', '/docs/swagger-ui-bundle.js'],
      ['a document', '/openapi.json'],
      ['health', '/health/ready'],
      ['metrics', '/metrics'],
      ['models', '/v1/models'],
      ['usage', '/v1/usage?atLeast=99999999'],
      ['commands', '/admin/v1/organizations?atLeast=99999999'],
      ['analytics', '/analytics/v1/usage?atLeast=99999999'],
      ['nothing', '/nowhere'],
    ])('%s', async (_, path) => {
      const requests = head(`GET ${path}`, siege.key).repeat(500);
      for (let round = 0; round < 10; round += 1) {
        const connection = await siege.connect();
        await connection.send(requests);
        connection.leave();
      }
      await siege.expectUnharmed(before);
    });

    it('a call behind a read that waits is not made, and holds nothing', async () => {
      const connection = await siege.connect();
      await connection.send(siege.longPoll() + siege.call(siege.model, { user: 'marker-behind' }));
      const text = await connection.over();
      expect(text.match(/HTTP\/1\.1/g)).toHaveLength(1);
      expect(siege.world.upstream.calls.filter(({ marker }) => marker === 'marker-behind')).toEqual([]);
      await siege.expectUnharmed(before);
    });

    it.each([
      ['streamed', true, ['InferenceAuthorized', 'InferenceCompleted']],
      ['unstreamed', false, ['InferenceAuthorized', 'InferenceUnresolved']],
    ])('a %s call ends when its client leaves, whatever follows it', async (what, stream, types) => {
      const slow = await siege.world.model({ pauseAfter: 0 });
      const announced = { ...siege.key, 'Content-Type': 'application/json', 'Content-Length': 33_554_432 };
      for (const [index, rest] of [siege.longPoll(), head('POST /v1/x', announced)].entries()) {
        const user = `marker-${what}-${index}`;
        const connection = await siege.connect();
        await connection.send(siege.call(slow, { stream, user }) + rest);
        const call = await siege.world.upstream.callWith(user);
        connection.leave();
        expect(await call.ended).toBe(false);
      }
      await siege.expectUnharmed(before);
      const ledger = await siege.world.platform.ledgerEvents(siege.attacker.orgId);
      const recorded = ledger.map(({ event }) => event.type).filter((type) => types.includes(type));
      expect(recorded).toEqual(expect.arrayContaining(types));
    });

    it('bodies that never come behind reads that wait shut nobody out', async () => {
      const half = head('POST /v1/x', {
        ...siege.key,
        'Content-Type': 'application/json',
        'Content-Length': 33_554_432,
      });
      const connections = await Promise.all(Array.from({ length: 20 }, () => siege.connect()));
      await Promise.all(connections.map((connection) => connection.send(siege.longPoll() + half)));
      for (const connection of connections) connection.leave();
      await siege.expectUnharmed(before);
    });
  });

  it('a client that leaves in the middle of anything leaves nothing behind', async () => {
    const whole = [
      head('GET /docs/swagger-ui-bundle.js'),
      siege.longPoll(),
      siege.call(siege.model),
      posting('/admin/v1/organizations', JSON.stringify({ name: 'x', slug: 'x'.repeat(500) }), siege.key),
    ];
    for (const request of whole)
      for (const part of [0.2, 0.6, 0.99, 1]) {
        const connection = await siege.connect();
        await connection.send(request.slice(0, Math.floor(request.length * part)));
        connection.leave();
      }
    await siege.expectUnharmed(before);
    await eventually(
      async () => (await siege.attacker.money()).held,
      (held) => held === 0n,
    );
  });
});
