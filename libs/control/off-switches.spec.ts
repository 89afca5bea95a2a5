import type { OrganizationId } from '#kernel';
import type { SetLimits } from '#ledger';
import type { OrganizationChange } from './commands/organization-commands';
import {
  acceptedOf,
  account,
  issued,
  me,
  recordOf,
  registered,
  startPlatform,
  type TestPlatform,
  testMachine,
  typesOf,
} from './testing';

const open: TestPlatform[] = [];
async function start(machine = testMachine()): Promise<TestPlatform> {
  const platform = await startPlatform(machine);
  open.push(platform);
  return platform;
}
afterEach(async () => {
  await Promise.all(open.splice(0).map((platform) => platform.close()));
});

async function ownedKey(platform: TestPlatform) {
  const orgId = await registered(platform);
  const owner = await account(platform, orgId);
  return { ...(await issued(platform, { owner })), owner };
}
type OwnedKey = Awaited<ReturnType<typeof ownedKey>>;

interface OffSwitch {
  readonly name: string;
  readonly off: (key: OwnedKey) => OrganizationChange;
  /** What its keys are told. */
  readonly rejection: string;
  /** What commands about them are told. */
  readonly refusal: string;
}

const SWITCHES: readonly OffSwitch[] = [
  {
    name: 'a disabled service account',
    off: ({ owner }) => ({ type: 'DisableServiceAccount', serviceAccountId: owner.id }),
    rejection: 'key_suspended',
    refusal: 'service_account_disabled',
  },
  {
    name: 'an archived project',
    off: ({ projectId }) => ({ type: 'ArchiveProject', projectId }),
    rejection: 'key_suspended',
    refusal: 'project_archived',
  },
  {
    name: 'a suspended organization',
    off: () => ({ type: 'SuspendOrganization', reason: 'unpaid' }),
    rejection: 'organization_suspended',
    refusal: 'organization_suspended',
  },
  {
    name: 'a closed organization',
    off: () => ({ type: 'CloseOrganization' }),
    rejection: 'organization_suspended',
    refusal: 'organization_closed',
  },
];

const limitsOf = (target: SetLimits['target']): SetLimits => ({
  type: 'SetLimits',
  target,
  limits: { concurrency: 1 },
});

function change({ control }: TestPlatform, orgId: OrganizationId, command: OrganizationChange) {
  const context = control.systemContext('test');
  return control.organizations.change(context, orgId, command);
}

describe.each(SWITCHES)('the keys of $name', ({ off, rejection, refusal }) => {
  it('stop authenticating, and in the record a bar comes first', async () => {
    const platform = await start();
    const key = await ownedKey(platform);
    expect(platform.control.authenticateKey(key.secret, '::1').ok).toBe(true);
    acceptedOf(await change(platform, key.orgId, off(key)));
    expect(platform.control.authenticateKey(key.secret, '::1')).toEqual({
      ok: false,
      code: rejection,
      keyId: key.keyId,
    });
    expect((await typesOf(platform)).slice(-2)[0]).toBe('SubjectBarred');
    const again = await start(platform);
    expect(again.control.authenticateKey(key.secret, '::1')).toEqual({ ok: false, code: rejection, keyId: key.keyId });
  });

  it('tell a wrong secret nothing about it', async () => {
    const platform = await start();
    const key = await ownedKey(platform);
    await change(platform, key.orgId, off(key));
    const { secret: other } = await issuedElsewhere();
    expect(platform.control.authenticateKey(other, '::1')).toEqual({ ok: false, code: 'invalid_api_key' });
  });

  it('cannot be rotated, changed, limited or issued, and can be revoked', async () => {
    const platform = await start();
    const key = await ownedKey(platform);
    await change(platform, key.orgId, off(key));
    const { control } = platform;
    const { orgId, keyId, projectId, owner } = key;
    const before = await recordOf(platform);
    const refused = { kind: 'refused', refusal: { code: refusal } };
    expect(await control.apiKeys.rotate(me(platform), orgId, keyId, 0)).toMatchObject(refused);
    expect(await control.apiKeys.change(me(platform), orgId, keyId, { scopes: ['usage:read'] })).toMatchObject(refused);
    const limits = limitsOf({ type: 'api-key', id: keyId });
    expect(await control.ledgerEdits.edit(me(platform), orgId, limits)).toMatchObject(refused);
    expect(await control.apiKeys.issue(me(platform), orgId, { name: 'new', projectId, owner })).toMatchObject(refused);
    expect(await recordOf(platform)).toEqual(before);
    acceptedOf(await control.apiKeys.revoke(me(platform), orgId, keyId, 'over'));
    expect(control.authenticateKey(key.secret, '::1')).toEqual({ ok: false, code: 'key_revoked', keyId: key.keyId });
  });
});

async function issuedElsewhere() {
  return issued(await start());
}

describe('what ends again', () => {
  it('gives the keys of a resumed organization back, but not those of what was switched off for good meanwhile', async () => {
    const platform = await start();
    const { orgId, keyId, secret, owner } = await ownedKey(platform);
    const { secret: nobodys } = await issued(platform);
    await change(platform, orgId, { type: 'SuspendOrganization', reason: 'unpaid' });
    await change(platform, orgId, { type: 'DisableServiceAccount', serviceAccountId: owner.id });
    await change(platform, orgId, { type: 'ResumeOrganization' });
    expect(platform.control.authenticateKey(nobodys, '::1').ok).toBe(true);
    expect(platform.control.authenticateKey(secret, '::1')).toEqual({ ok: false, code: 'key_suspended', keyId });
  });
});

const CLOSE = { type: 'CloseOrganization' } as const;

describe.each<[string, readonly OrganizationChange[]]>([
  ['a closed organization', [CLOSE]],
  ['one that was suspended before', [{ type: 'SuspendOrganization', reason: 'unpaid' }, CLOSE]],
])('%s', (_, commands) => {
  it('takes no budget and no limit, and what is there stays as it is', async () => {
    const platform = await start();
    const orgId = await registered(platform);
    const context = me(platform);
    const budgetId = context.identifiers.id('bgt');
    const { ledgers, ledgerEdits } = platform.control;
    const budget = {
      type: 'DefineBudget',
      budgetId,
      name: 'all',
      scope: { type: 'organization' },
      unit: 'cost',
      period: 'total',
      limit: 1n,
      mode: 'block',
      thresholds: [],
      timeZone: 'UTC',
    } as const;
    expect(await ledgers.change(orgId, budget, context)).toMatchObject({ kind: 'accepted' });
    for (const command of commands) acceptedOf(await change(platform, orgId, command));
    const before = await recordOf(platform);
    const closed = { kind: 'refused', refusal: { code: 'organization_closed' } };
    const another = { ...budget, budgetId: context.identifiers.id('bgt') };
    expect(await ledgers.change(orgId, another, me(platform))).toMatchObject(closed);
    const edits = [
      { type: 'ChangeBudget', budgetId, limit: 2n } as const,
      { type: 'EndBudget', budgetId } as const,
      limitsOf({ type: 'organization' }),
    ];
    for (const edit of edits) expect(await ledgerEdits.edit(me(platform), orgId, edit)).toMatchObject(closed);
    expect(await recordOf(platform)).toEqual(before);
  });
});
