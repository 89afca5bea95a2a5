import { apiKeyStream, organizationStream } from '#identity';
import { barKey } from '#ledger';
import {
  account,
  issued,
  me,
  project,
  recordOf,
  registered,
  startPlatform,
  type TestMachine,
  type TestPlatform,
  testMachine,
  typesOf,
} from './testing';

const open: TestPlatform[] = [];
async function start(machine: TestMachine = testMachine(), appends?: number): Promise<TestPlatform> {
  const platform = await startPlatform(machine, appends);
  open.push(platform);
  return platform;
}
afterEach(async () => {
  await Promise.all(open.splice(0).map((platform) => platform.close()));
});

describe('what takes away', () => {
  it('reaches the ledger before the key', async () => {
    const platform = await start();
    const { orgId, keyId } = await issued(platform);
    await platform.control.apiKeys.revoke(me(platform), orgId, keyId, 'leaked');
    expect((await typesOf(platform)).slice(-2)).toEqual(['SubjectBarred', 'ApiKeyRevoked']);
    const before = (await recordOf(platform)).length;
    await platform.control.apiKeys.revoke(me(platform), orgId, keyId, 'leaked again');
    expect(await recordOf(platform)).toHaveLength(before);
  });

  it('is finished after a crash between the two appends', async () => {
    const machine = testMachine();
    const first = await start(machine);
    const { orgId, keyId, secret, projectId } = await issued(first);
    const appends = (await recordOf(machine)).length;

    const killed = await start(machine, 1);
    await expect(killed.control.apiKeys.revoke(me(killed), orgId, keyId, 'leaked')).rejects.toThrow(
      'cannot be written',
    );
    expect((await recordOf(machine)).length).toBe(appends + 1);

    const again = await start(machine);
    expect(again.control.records.apiKeys.find(apiKeyStream(keyId)).state).toMatchObject({ reason: 'leaked' });
    expect(again.control.authenticateKey(secret, '::1')).toEqual({ ok: false, code: 'key_revoked', keyId });
    expect(await again.control.finishPending()).toBe(0);

    const archiving = await start(machine, 1);
    const archive = { type: 'ArchiveProject', projectId } as const;
    await expect(archiving.control.organizations.change(me(archiving), orgId, archive)).rejects.toThrow();
    const suspending = await start(machine, 2);
    const suspend = { type: 'SuspendOrganization', reason: 'unpaid' } as const;
    await expect(suspending.control.organizations.change(me(suspending), orgId, suspend)).rejects.toThrow();
    const last = await start(machine);
    expect(last.control.findOrganization('acme')?.state).toMatchObject({
      status: 'suspended',
      reason: 'unpaid',
      organization: { projects: expect.anything() },
    });
    expect(last.control.findOrganization('acme')?.organization.projects.get(projectId)?.archived).toBe(true);
  });

  it('is finished for a service account that was to be disabled, and for one that an older version had disabled', async () => {
    const machine = testMachine();
    const first = await start(machine);
    const orgId = await registered(first);
    const [halfway, before] = [await account(first, orgId, 'halfway'), await account(first, orgId, 'before')];
    const { organizations } = first.control.records;
    const metadata = { actor: me(first).actor, orgId };
    const disable = { type: 'DisableServiceAccount', serviceAccountId: before.id } as const;
    await organizations.execute(organizationStream(orgId), disable, metadata);
    const killed = await start(machine, 2);
    expect((await killed.ledger.read(orgId)).bars.get(barKey(before))).toBe('disabled');
    const command = { type: 'DisableServiceAccount', serviceAccountId: halfway.id } as const;
    await expect(killed.control.organizations.change(me(killed), orgId, command)).rejects.toThrow();
    const again = await start(machine);
    expect((await again.ledger.read(orgId)).bars.get(barKey(halfway))).toBe('disabled');
    const { organization } = again.control.findOrganization(orgId) ?? {};
    expect(organization?.serviceAccounts.get(halfway.id)?.disabled).toBe(true);
    expect(await again.control.finishPending()).toBe(0);
  });

  it('stays in force when a resumption was interrupted', async () => {
    const machine = testMachine();
    const first = await start(machine);
    const orgId = await registered(first);
    const suspend = { type: 'SuspendOrganization', reason: 'unpaid' } as const;
    await first.control.organizations.change(me(first), orgId, suspend);
    const killed = await start(machine, 1);
    await expect(
      killed.control.organizations.change(me(killed), orgId, { type: 'ResumeOrganization' }),
    ).rejects.toThrow();
    expect((await typesOf(machine)).at(-1)).toBe('SubjectUnbarred');
    const again = await start(machine);
    expect((await typesOf(machine)).at(-1)).toBe('SubjectBarred');
    expect(again.control.findOrganization('acme')?.state.status).toBe('suspended');
    await again.control.organizations.change(me(again), orgId, { type: 'ResumeOrganization' });
    expect((await again.ledger.read(orgId)).bars.size).toBe(0);
  });

  it('is finished as a closing when it was one', async () => {
    const machine = testMachine();
    const orgId = await registered(await start(machine));
    const killed = await start(machine, 1);
    await expect(
      killed.control.organizations.change(me(killed), orgId, { type: 'CloseOrganization' }),
    ).rejects.toThrow();
    expect((await start(machine)).control.findOrganization('acme')?.state.status).toBe('closed');
  });

  it('refuses before the ledger is told', async () => {
    const platform = await start();
    const orgId = await registered(platform);
    const before = await recordOf(platform);
    const refused = await platform.control.organizations.change(me(platform), orgId, {
      type: 'SuspendOrganization',
      reason: '\n',
    });
    expect(refused).toMatchObject({ kind: 'refused', refusal: { code: 'invalid_reason' } });
    const stale = await platform.control.organizations.change({ ...me(platform), ifMatch: ['7'] }, orgId, {
      type: 'CloseOrganization',
    });
    expect(stale.kind).toBe('stale');
    expect(await recordOf(platform)).toEqual(before);
  });

  it('moves a project where the ledger counts it, after a crash too', async () => {
    const machine = testMachine();
    const first = await start(machine);
    const orgId = await registered(first);
    const projectId = await project(first, orgId);
    const context = me(first);
    const teamId = context.identifiers.id('team');
    await first.control.organizations.change(context, orgId, { type: 'CreateTeam', teamId, name: 'core' });
    const killed = await start(machine, 1);
    const assign = { type: 'AssignProject', projectId, teamId } as const;
    await expect(killed.control.organizations.change(me(killed), orgId, assign)).rejects.toThrow();
    const again = await start(machine);
    expect(again.control.findOrganization('acme')?.organization.projects.get(projectId)?.teamId).toBe(teamId);
    expect((await again.ledger.read(orgId)).projectTeams.get(projectId)).toBe(teamId);
  });
});

it('moves a project back in the ledger when the organization refuses the move by now', async () => {
  const machine = testMachine();
  const other = await start(machine);
  const orgId = await registered(other);
  const projectId = await project(other, orgId);
  const context = me(other);
  const teamId = context.identifiers.id('team');
  await other.control.organizations.change(context, orgId, { type: 'CreateTeam', teamId, name: 'core' });
  const killed = await start(machine, 1);
  const assign = { type: 'AssignProject', projectId, teamId } as const;
  await expect(killed.control.organizations.change(me(killed), orgId, assign)).rejects.toThrow();
  const suspend = { type: 'SuspendOrganization', reason: 'unpaid' } as const;
  await other.control.organizations.change(me(other), orgId, suspend);
  const again = await start(machine);
  expect((await again.ledger.read(orgId)).projectTeams.get(projectId)).toBeUndefined();
  expect(await again.control.finishPending()).toBe(0);
});
