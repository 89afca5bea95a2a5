import type { ProjectId, SystemTokenId } from '#kernel';
import { recordOf, startPlatform, type TestMachine, type TestPlatform, testMachine, typesOf } from '../testing';
import type { CommandAnswer } from './command-keys';

const open: TestPlatform[] = [];
async function start(machine: TestMachine, appends?: number) {
  const platform = await startPlatform(machine, appends);
  open.push(platform);
  return platform;
}
afterEach(async () => {
  await Promise.all(open.splice(0).map((platform) => platform.close()));
});

const MINE = 'tok_01k00000000000000000000000' as SystemTokenId;
const ADMIN = { actor: { type: 'system', id: 'administrator' } } as const;

/** Issues a key as the HTTP edge would: the answer holds the id and, once, the secret. */
async function issueOnce(
  platform: TestPlatform,
  projectId: ProjectId,
  idempotencyKey: string,
  { name = 'ci', tokenId = MINE }: { name?: string; tokenId?: SystemTokenId } = {},
) {
  const { control } = platform;
  const orgId = control.organizationIds()[0];
  if (orgId === undefined) throw new Error('no organization');
  const request = { ...ADMIN, route: 'POST /api-keys', idempotencyKey, body: { name } };
  return control.commandKeys.once(request, { ...ADMIN, tokenId }, async (context): Promise<CommandAnswer> => {
    const issued = await control.apiKeys.issue(context, orgId, { name, projectId });
    if (issued.kind !== 'accepted') return { status: 422, body: { kind: issued.kind } };
    const { state } = issued.aggregate;
    const id = state.status === 'none' ? '' : state.key.id;
    const { secret } = issued;
    return secret === undefined ? { status: 201, body: { id } } : { status: 201, body: { secret, id }, secret };
  });
}

async function withProject(machine: TestMachine) {
  const platform = await start(machine);
  const context = platform.control.systemContext('test');
  await platform.control.organizations.register(context, { name: 'Acme', slug: 'acme' });
  const orgId = platform.control.organizationIds()[0];
  const projectId = context.identifiers.id('prj');
  if (orgId !== undefined)
    await platform.control.organizations.change(context, orgId, { type: 'CreateProject', projectId, name: 'app' });
  return { platform, projectId };
}

describe('a command with an Idempotency-Key', () => {
  it('happens once and is answered alike every time, its secret too, on any process', async () => {
    const machine = testMachine();
    const { platform, projectId } = await withProject(machine);
    const first = await issueOnce(platform, projectId, 'k1');
    const events = (await recordOf(machine)).length;
    const second = await issueOnce(platform, projectId, 'k1');
    const elsewhere = await issueOnce(await start(machine), projectId, 'k1');
    expect(first).toMatchObject({ kind: 'answered', isReplay: false, answer: { status: 201 } });
    expect(second).toEqual({ ...first, isReplay: true });
    expect(JSON.stringify(elsewhere)).toBe(JSON.stringify(second));
    expect(await recordOf(machine)).toHaveLength(events);
    expect((await typesOf(machine)).slice(-3)).toEqual(['CommandKeyClaimed', 'ApiKeyIssued', 'CommandAnswered']);
  });

  it('shows its secret again to the token that made it alone, and for minutes; afterwards it says so', async () => {
    const machine = testMachine();
    const { platform, projectId } = await withProject(machine);
    const first = await issueOnce(platform, projectId, 'k1');
    const secret = first.kind === 'answered' ? first.answer.secret : undefined;
    const replayed = { kind: 'answered', isReplay: true };
    const withheld = { ...replayed, answer: { body: { secretWithheld: expect.stringContaining('rotate') } } };
    const tokenId = 'tok_01k00000000000000000000001' as SystemTokenId;
    const others = await issueOnce(platform, projectId, 'k1', { tokenId });
    machine.clock.advance(5 * 60_000);
    expect(await issueOnce(platform, projectId, 'k1')).toMatchObject({ ...replayed, answer: { secret } });
    machine.clock.advance(1);
    const late = await issueOnce(platform, projectId, 'k1');
    for (const answer of [others, late]) {
      expect(answer).toMatchObject(withheld);
      expect(JSON.stringify(answer)).not.toContain(secret);
    }
  });

  it('shows no other token a secret that a crash kept from the one that made it', async () => {
    const machine = testMachine();
    const { projectId } = await withProject(machine);
    await issueOnce(await start(machine, 2), projectId, 'k1').catch(() => undefined);
    const tokenId = 'tok_01k00000000000000000000001' as SystemTokenId;
    const again = await issueOnce(await start(machine), projectId, 'k1', { tokenId });
    expect(again).toMatchObject({
      kind: 'answered',
      answer: { status: 201, body: { secretWithheld: expect.anything() } },
    });
    expect(JSON.stringify(again)).not.toContain('aiaas_live_');
    const mine = await issueOnce(await start(machine), projectId, 'k1');
    expect(mine).toMatchObject({ kind: 'answered', answer: { secret: expect.any(String) } });
  });

  it('is refused with another body, and another key is another command', async () => {
    const machine = testMachine();
    const { platform, projectId } = await withProject(machine);
    const first = await issueOnce(platform, projectId, 'k1');
    expect(await issueOnce(platform, projectId, 'k1', { name: 'other' })).toEqual({ kind: 'reused' });
    const second = await issueOnce(platform, projectId, 'k2');
    expect(JSON.stringify(second)).not.toBe(JSON.stringify(first));
  });

  it.each([1, 2])('finds what it made when the process died after %i of its appends', async (appends) => {
    const machine = testMachine();
    const { projectId } = await withProject(machine);
    const killed = await start(machine, appends);
    const lost = await issueOnce(killed, projectId, 'k1').catch(() => 'no answer');
    const again = await issueOnce(await start(machine), projectId, 'k1');
    expect(again).toMatchObject({ kind: 'answered', answer: { status: 201, secret: expect.any(String) } });
    // Where only keeping the answer failed, the client had it already, and the repeat says the same.
    if (typeof lost === 'object') expect(again).toEqual(lost);
    expect((await typesOf(machine)).filter((type) => type === 'ApiKeyIssued')).toHaveLength(1);
    const { control } = await start(machine);
    const secret = again.kind === 'answered' ? (again.answer.secret ?? '') : '';
    expect(control.authenticateKey(secret, '::1').ok).toBe(true);
  });

  it('claims nothing when it is refused', async () => {
    const machine = testMachine();
    const { platform, projectId } = await withProject(machine);
    const before = await recordOf(machine);
    expect(await issueOnce(platform, projectId, 'k1', { name: '\n' })).toMatchObject({ answer: { status: 422 } });
    expect(await recordOf(machine)).toEqual(before);
    expect(await issueOnce(platform, projectId, 'k1', { name: 'fine' })).toMatchObject({ answer: { status: 201 } });
  });

  it('happens once when it arrives twice at a time, at one process or at two', async () => {
    const machine = testMachine();
    const { platform, projectId } = await withProject(machine);
    const other = await start(machine);
    const answers = await Promise.all([
      issueOnce(platform, projectId, 'k1'),
      issueOnce(platform, projectId, 'k1'),
      issueOnce(other, projectId, 'k1'),
    ]);
    const secrets = new Set(answers.map((one) => (one.kind === 'answered' ? one.answer.secret : one.kind)));
    expect(secrets.size).toBe(1);
    expect((await typesOf(machine)).filter((type) => type === 'ApiKeyIssued')).toHaveLength(1);
  });

  it('leaves neither secret, nor key, nor body in the record', async () => {
    const machine = testMachine();
    const { platform, projectId } = await withProject(machine);
    const answered = await issueOnce(platform, projectId, 'canary-idempotency-key');
    const secret = answered.kind === 'answered' ? (answered.answer.secret ?? '?') : '?';
    const record = (await recordOf(machine)).map(({ stream, body }) => stream + Buffer.from(body).toString()).join();
    expect(record).not.toContain(secret);
    expect(record).not.toContain('canary');
  });

  it('keeps answers that are larger than an event', async () => {
    const machine = testMachine();
    const { platform } = await withProject(machine);
    const large = { status: 200, body: { text: 'x'.repeat(150_000) } };
    const once = () =>
      platform.control.commandKeys.once(
        { ...ADMIN, route: 'PUT /x', idempotencyKey: 'k', body: {} },
        ADMIN,
        async ({ keyed }) => {
          await keyed?.claim();
          return large;
        },
      );
    await once();
    expect(await once()).toEqual({ kind: 'answered', answer: large, isReplay: true });
    expect(platform.problems).toEqual([]);
  });
});
