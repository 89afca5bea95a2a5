import { recordOf, startPlatform, type TestMachine, testMachine, typesOf } from '#control/testing';
import { type Answer, startServer, type TestServer } from './testing/test-server';

const TOKENS = '/admin/v1/system-tokens';

/** Tokens of the administrator over HTTP: they are replaced without a moment in which nobody has one. */
describe('system tokens', () => {
  let machine: TestMachine;
  let server: TestServer;
  /** The only token there is at first: the one that every request of this test carries. */
  let firstId: string;
  beforeEach(async () => {
    machine = testMachine();
    server = await startServer(machine);
    [firstId = ''] = server.control.systemTokens.ids();
  });
  afterEach(() => server.close());

  const bearer = (secret: unknown) => ({ authorization: `Bearer ${String(secret)}` });
  const issue = (body: object = {}) => server.send('POST', TOKENS, { name: 'second', ...body });
  const revoke = (id: unknown, headers = {}) =>
    server.send('POST', `${TOKENS}/${String(id)}/revoke`, { reason: 'over' }, headers);

  const statusWith = async (secret: unknown) => (await server.send('GET', TOKENS, undefined, bearer(secret))).status;

  it('one that was issued works at once, and its secret is recorded nowhere', async () => {
    const { status, body } = await issue();
    expect(status).toBe(201);
    expect(await statusWith(body.secret)).toBe(200);
    const listed = await server.send('GET', TOKENS);
    expect(listed.body.data).toHaveLength(2);
    expect(listed.text).not.toContain(body.secret);
    const recorded = (await recordOf(machine)).map(({ body: bytes }) => Buffer.from(bytes).toString('utf8'));
    expect(recorded.join()).toContain(body.id);
    expect(recorded.join()).not.toContain(body.secret);
  });

  it('a rotated one works with both secrets until the grace ends', async () => {
    const { body: first } = await issue();
    const rotated = await server.send('POST', `${TOKENS}/${String(first.id)}/rotate`, { graceSeconds: 60 });
    expect(rotated.body).toMatchObject({ id: first.id, previousSecretUntil: '2025-01-01T00:01:00.000Z' });
    expect([await statusWith(first.secret), await statusWith(rotated.body.secret)]).toEqual([200, 200]);
    machine.clock.advance(60_000);
    expect([await statusWith(first.secret), await statusWith(rotated.body.secret)]).toEqual([401, 200]);
  });

  it('without a grace the old secret is dead when the command has answered', async () => {
    const { body: first } = await issue();
    const path = `${TOKENS}/${String(first.id)}/rotate`;
    const rotated = await server.send('POST', path, { graceSeconds: 0 }, bearer(first.secret));
    expect(rotated.status).toBe(200);
    expect([await statusWith(first.secret), await statusWith(rotated.body.secret)]).toEqual([401, 200]);
  });

  it('a revoked one is dead when the command has answered, and cannot be rotated', async () => {
    const { body } = await issue();
    expect((await revoke(body.id)).body).toMatchObject({ status: 'revoked', reason: 'over' });
    expect(await statusWith(body.secret)).toBe(401);
    const rotated = await server.send('POST', `${TOKENS}/${String(body.id)}/rotate`, { graceSeconds: 0 });
    expect([rotated.status, rotated.body.code]).toEqual([409, 'token_revoked']);
  });

  it('may revoke itself once there is another', async () => {
    const { body } = await issue();
    expect((await revoke(firstId)).status).toBe(200);
    expect((await server.send('GET', TOKENS)).status).toBe(401);
    expect(await statusWith(body.secret)).toBe(200);
  });

  it('one that has expired is shown as such and works no more', async () => {
    const { body } = await issue({ expiresAt: '2025-01-01T00:01:00Z' });
    machine.clock.advance(60_000);
    expect(await statusWith(body.secret)).toBe(401);
    expect((await server.send('GET', `${TOKENS}/${String(body.id)}`)).body.status).toBe('expired');
    const late = await issue({ expiresAt: '2025-01-01T00:01:00Z' });
    expect([late.status, late.body.code]).toEqual([422, 'invalid_expiry']);
  });

  it('the same Idempotency-Key makes one, and shows its secret again', async () => {
    const once = () => server.send('POST', TOKENS, { name: 'second' }, { 'idempotency-key': 'once' });
    const [first, again] = [await once(), await once()];
    expect(again.text).toBe(first.text);
    expect((await server.send('GET', TOKENS)).body.data).toHaveLength(2);
  });

  it('of other holders are no system tokens', async () => {
    const orgId = (await server.send('POST', '/admin/v1/organizations', { name: 'Acme', slug: 'acme' })).body.id;
    await server.issueToken({ type: 'service-account', orgId, id: 'sa_01k00000000000000000000000' } as never);
    expect((await server.send('GET', TOKENS)).body.data).toHaveLength(1);
  });

  describe('the last one that lasts', () => {
    function expectRefused({ status, body }: Answer): void {
      expect([status, body.code]).toEqual([409, 'last_system_token']);
    }

    it('is not revoked', async () => {
      const before = await typesOf(machine);
      expectRefused(await revoke(firstId));
      expect(await typesOf(machine)).toEqual(before);
      expect((await server.send('GET', TOKENS)).status).toBe(200);
    });

    it('nor beside one that will expire, or that is revoked', async () => {
      await issue({ expiresAt: '2026-01-01T00:00:00Z' });
      await revoke((await issue()).body.id);
      expectRefused(await revoke(firstId));
    });

    it('is left over when both are revoked at the same time', async () => {
      const { body } = await issue();
      const { control } = server;
      const revocations = control.systemTokens
        .ids()
        .map((id) => control.systemTokens.revoke(control.systemContext('test'), id, 'over'));
      const kinds = (await Promise.all(revocations)).map(({ kind }) => kind);
      expect(kinds.sort()).toEqual(['accepted', 'refused']);
      const alive = [(await server.send('GET', TOKENS)).status, await statusWith(body.secret)];
      expect(alive.sort()).toEqual([200, 401]);
    });

    it('can be replaced: issue, then revoke', async () => {
      const { body } = await issue();
      expect((await revoke(firstId, bearer(body.secret))).status).toBe(200);
      expectRefused(await revoke(body.id, bearer(body.secret)));
    });
  });

  it('are known to the next start', async () => {
    const { body } = await issue();
    await revoke(firstId);
    const next = await startPlatform(machine);
    expect(next.control.authenticateToken(String(body.secret))).toMatchObject({ type: 'system', tokenId: body.id });
    expect(next.control.systemTokens.ids()).toHaveLength(2);
    await next.close();
  });
});
