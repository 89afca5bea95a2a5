import { eventually, head, posting } from '#testing/raw-http';
import { bearer, Siege } from './support/siege';

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

  describe('by bodies', () => {
    const MIB = 1024 * 1024;
    const huge = `{"x":[${'{},'.repeat(10_000_000)}{}]}`;
    const some = `{"x":[${'{},'.repeat(300_000)}{}]}`;

    it.each([
      ['a call', '/v1/chat/completions', 'too_many_values'],
      ['a call of another dialect', '/v1/messages', 'too_many_values'],
      ['a preflight', '/v1/preflight', 'too_many_values'],
      ['a token count', '/v1/messages/count_tokens', 'too_many_values'],
      ['nothing', '/v1/whatever', 'unsupported_route'],
    ])('of ten million values for %s: refused before it has come', async (_, path, code) => {
      const connections = await Promise.all(Array.from({ length: 8 }, () => siege.connect()));
      const sendings = connections.map((connection) => connection.send(posting(path, huge, siege.key)));
      for (const connection of connections) {
        const { body } = await connection.answer();
        expect(body).toContain(`"${code}"`);
        connection.leave();
      }
      await Promise.all(sendings);
      await siege.expectUnharmed(before);
    });

    it('of a key that may not call: its scope is looked at first', async () => {
      const connection = await siege.connect();
      const framing = { 'Content-Type': 'application/json', 'Content-Length': 33_554_432 };
      await connection.send(head('POST /v1/chat/completions', { ...bearer(siege.readOnlyKey), ...framing }));
      expect((await connection.answer()).body).toContain('"insufficient_scope"');
      connection.leave();
    });

    it('for commands', async () => {
      const token = bearer(siege.world.platform.firstRun.systemToken);
      for (const [path, body, status] of [
        ['/admin/v1/organizations', huge, 413],
        ['/admin/v1/organizations', some, 400],
        ['/nowhere', some, 404],
        ['/analytics/v1/usage', some, 404],
      ] as const) {
        const connection = await siege.connect();
        const sending = connection.send(posting(path, body, token));
        expect([path, (await connection.answer()).status]).toEqual([path, status]);
        connection.leave();
        await sending;
      }
      await siege.expectUnharmed(before);
    });

    it('that were only announced take nothing from their organization', async () => {
      const connections = await Promise.all(Array.from({ length: 50 }, () => siege.connect()));
      const framing = { 'Content-Type': 'application/json', 'Content-Length': 33_554_432 };
      for (const connection of connections)
        await connection.send(`${head('POST /v1/chat/completions', { ...siege.key, ...framing })}{`);
      const { status } = await siege.attacker.chat(siege.model, {
        messages: [{ role: 'user', content: 'x'.repeat(MIB) }],
      });
      expect(status).toBe(200);
      for (const connection of connections) connection.leave();
      await siege.expectUnharmed(before);
    });

    it('in chunks that never end are counted as they arrive, and leave room for others', async () => {
      const chunk = `100000\r\n${' '.repeat(MIB)}\r\n`;
      const connections = await Promise.all(Array.from({ length: 20 }, () => siege.connect()));
      const start = head('POST /v1/chat/completions', {
        ...siege.key,
        'Content-Type': 'application/json',
        'Transfer-Encoding': 'chunked',
      });
      await Promise.all(
        connections.map(async (connection) => {
          await connection.send(start);
          for (let sent = 0; sent < 16 && connection.answers.length === 0; sent += 1) await connection.send(chunk);
        }),
      );
      // Some of them hold what one key may have by now: all the others were told so.
      await eventually(
        () => connections.filter(({ answers }) => answers[0]?.body.includes('too_many_bytes_in_flight')).length,
        (count) => count > 0,
      );
      expect((await siege.neighbour.chat(siege.model)).status).toBe(200);
      expect((await siege.attacker.chat(siege.model)).status).toBe(200);
      for (const connection of connections) connection.leave();
      await siege.expectUnharmed(before);
    });

    it('of the largest size are no trouble', async () => {
      const content = 'x'.repeat(31 * MIB);
      const model = await siege.world.model({}, { contextTokens: 100_000_000, maxOutputTokens: 1_000 });
      const rich = await siege.world.tenant({ limit: '100000' });
      expect((await rich.chat(model, { messages: [{ role: 'user', content }] })).status).toBe(200);
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
