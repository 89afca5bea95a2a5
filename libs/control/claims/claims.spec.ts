import { apiKeyStream, systemTokenStream } from '#identity';
import { barKey } from '#ledger';
import { SYSTEM_ADMINISTRATOR } from '../commands/system-token-commands';
import {
  issued,
  me,
  registered,
  startPlatform,
  type TestGateway,
  TestGateways,
  testMachine,
  typesOf,
} from '../testing';
import { claimStream, SYSTEM_TOKENS } from './events';

const SUSPEND = { type: 'SuspendOrganization', reason: 'unpaid' } as const;
const RESUME = { type: 'ResumeOrganization' } as const;
const ORGANIZATION = barKey({ type: 'organization' });

let cluster = new TestGateways(testMachine());
beforeEach(() => {
  cluster = new TestGateways(testMachine());
});
afterEach(() => cluster.close());

/** Two gateways, and an organization that both know. */
async function pair() {
  const [one, other] = [await cluster.start(), await cluster.start()];
  const orgId = await registered(one);
  await caughtUp(other);
  return { one, other, orgId };
}

async function caughtUp({ control }: TestGateway): Promise<void> {
  expect(await control.waitFor(await cluster.machine.store.lastPosition(), 5_000)).toBe(true);
}

/** Stops a gateway before its next append to a kind of stream; the answer lets it go on. */
function pauseBefore({ way }: TestGateway, prefix: string) {
  let goOn = () => {};
  const isReached = new Promise<void>((reached) => {
    way.script = {
      before(stream) {
        if (!stream.startsWith(prefix)) return undefined;
        way.script = {};
        reached();
        return new Promise((resolve) => {
          goOn = resolve;
        });
      },
    };
  });
  return { isReached, goOn: () => goOn() };
}

async function agreed(gateway: TestGateway, orgId: Awaited<ReturnType<typeof pair>>['orgId']) {
  await caughtUp(gateway);
  const state = gateway.control.findOrganization(orgId)?.state.status;
  return { state, isBarred: (await gateway.ledger.read(orgId)).bars.has(ORGANIZATION) };
}

describe('a command of two appends', () => {
  it('is claimed before and released after, where several gateways share the record', async () => {
    const { one, orgId } = await pair();
    await one.control.organizations.change(me(one), orgId, SUSPEND);
    expect((await typesOf(cluster.machine)).slice(-4)).toEqual([
      'ClaimTaken',
      'SubjectBarred',
      'OrganizationSuspended',
      'ClaimReleased',
    ]);
  });

  it('claims nothing where a process records alone', async () => {
    const machine = testMachine();
    const alone = await startPlatform(machine);
    await alone.control.organizations.change(me(alone), await registered(alone), SUSPEND);
    expect(await typesOf(machine)).not.toContain('ClaimTaken');
    await alone.close();
  });

  it('waits for the one of another gateway', async () => {
    const { one, other, orgId } = await pair();
    const paused = pauseBefore(one, 'organization-');
    const suspended = one.control.organizations.change(me(one), orgId, SUSPEND);
    await paused.isReached;
    await caughtUp(other);
    const resumed = other.control.organizations.change(me(other), orgId, RESUME);
    paused.goOn();
    expect([(await suspended).kind, (await resumed).kind]).toEqual(['accepted', 'accepted']);
    expect(await agreed(other, orgId)).toEqual({ state: 'active', isBarred: false });
  });

  it('gives up after ten seconds', async () => {
    const { one, other, orgId } = await pair();
    const paused = pauseBefore(one, 'organization-');
    const suspended = one.control.organizations.change(me(one), orgId, SUSPEND);
    await paused.isReached;
    await caughtUp(other);
    const resumed = other.control.organizations.change(me(other), orgId, RESUME);
    // It waits by now: nothing but the other gateway's release could let it go on.
    await new Promise((resolve) => setImmediate(resolve));
    cluster.machine.clock.advance(10_000);
    await expect(resumed).rejects.toThrow('another gateway is changing this organization; try again');
    paused.goOn();
    expect((await suspended).kind).toBe('accepted');
  });
});

describe('a gateway that dies between bar and fact', () => {
  it('is finished by one that lives', async () => {
    const { one, other, orgId } = await pair();
    const paused = pauseBefore(one, 'organization-');
    const suspended = one.control.organizations.change(me(one), orgId, SUSPEND);
    await paused.isReached;
    await caughtUp(other);
    other.cluster.eldest = false;
    one.crash();
    paused.goOn();
    await expect(suspended).rejects.toThrow();
    other.cluster.eldest = true;
    expect(await other.control.finishPending()).toBe(1);
    expect(await agreed(other, orgId)).toEqual({ state: 'suspended', isBarred: true });
  });

  it('is finished before anything else is decided', async () => {
    const { one, other, orgId } = await pair();
    const paused = pauseBefore(one, 'organization-');
    const suspended = one.control.organizations.change(me(one), orgId, SUSPEND);
    await paused.isReached;
    await caughtUp(other);
    other.cluster.eldest = false;
    one.crash();
    paused.goOn();
    await expect(suspended).rejects.toThrow();
    expect((await other.control.organizations.change(me(other), orgId, RESUME)).kind).toBe('accepted');
    expect((await typesOf(cluster.machine)).slice(-5)).toEqual([
      'ClaimTaken',
      'OrganizationSuspended',
      'SubjectUnbarred',
      'OrganizationResumed',
      'ClaimReleased',
    ]);
  });

  it('is not finished by one that may have missed something', async () => {
    const { one, other, orgId } = await pair();
    const paused = pauseBefore(one, 'organization-');
    const suspended = one.control.organizations.change(me(one), orgId, SUSPEND);
    await paused.isReached;
    await caughtUp(other);
    other.cluster.fresh = false;
    cluster.lives.die(one.bootId);
    expect(await other.control.finishPending()).toBe(0);
    paused.goOn();
    expect((await suspended).kind).toBe('accepted');
  });

  it('is left alone by one that starts while it lives', async () => {
    const { one, orgId } = await pair();
    const paused = pauseBefore(one, 'organization-');
    const suspended = one.control.organizations.change(me(one), orgId, SUSPEND);
    await paused.isReached;
    const third = await cluster.start();
    expect(await agreed(third, orgId)).toEqual({ state: 'active', isBarred: true });
    expect(await third.control.finishPending()).toBe(0);
    paused.goOn();
    expect((await suspended).kind).toBe('accepted');
  });
});

it('a holder that wakes up after it was held dead changes nothing more, and says so', async () => {
  const { one, other, orgId } = await pair();
  const paused = pauseBefore(one, 'organization-');
  const suspended = one.control.organizations.change(me(one), orgId, SUSPEND);
  await paused.isReached;
  await caughtUp(other);
  cluster.lives.die(one.bootId);
  expect((await other.control.organizations.change(me(other), orgId, RESUME)).kind).toBe('accepted');
  cluster.lives.comeBack(one.bootId);
  paused.goOn();
  await expect(suspended).rejects.toThrow('held dead');
  expect(await one.control.finishPending()).toBe(0);
  expect(await agreed(one, orgId)).toEqual({ state: 'active', isBarred: false });
});

it('a key that two gateways revoke is revoked once, for the reason of the first', async () => {
  const { one, other } = await pair();
  const { orgId, keyId } = await issued(one);
  await caughtUp(other);
  const revoked = await Promise.all(
    [one, other].map((gateway) => gateway.control.apiKeys.revoke(me(gateway), orgId, keyId, gateway.bootId)),
  );
  expect(revoked.map(({ kind }) => kind)).toEqual(['accepted', 'accepted']);
  const types = await typesOf(cluster.machine);
  expect(types.filter((type) => type === 'ApiKeyRevoked' || type === 'SubjectBarred')).toHaveLength(2);
  await caughtUp(one);
  const { state } = one.control.records.apiKeys.find(apiKeyStream(keyId));
  const reason = state.status === 'revoked' ? state.reason : '';
  expect((await other.ledger.read(orgId)).bars.get(barKey({ type: 'api-key', id: keyId }))).toBe(`revoked: ${reason}`);
});

describe('the last system token that lasts', () => {
  async function twoTokens(gateway: TestGateway) {
    const tokens = [];
    for (const name of ['first', 'second']) {
      const executed = await gateway.control.systemTokens.issue(me(gateway), { name });
      if (executed.kind !== 'accepted' || executed.aggregate.state.status === 'none') throw new Error('not issued');
      tokens.push(executed.aggregate.state.token.id);
    }
    const [first, second] = tokens;
    if (first === undefined || second === undefined) throw new Error('not issued');
    return { first, second };
  }

  it('stays, whichever two gateways revoke at once', async () => {
    const { one, other } = await pair();
    const { first, second } = await twoTokens(one);
    await caughtUp(other);
    const revoked = await Promise.all([
      one.control.systemTokens.revoke(me(one), first, 'unused'),
      other.control.systemTokens.revoke(me(other), second, 'unused'),
    ]);
    expect(revoked.map(({ kind }) => kind).sort()).toEqual(['accepted', 'refused']);
  });

  it('is not taken on the strength of one that a gateway may yet revoke', async () => {
    const { one, other } = await pair();
    const { first, second } = await twoTokens(one);
    await caughtUp(other);
    const paused = pauseBefore(one, systemTokenStream(first));
    const revoked = one.control.systemTokens.revoke(me(one), first, 'unused');
    await paused.isReached;
    await caughtUp(other);
    cluster.lives.die(one.bootId);
    const refused = await other.control.systemTokens.revoke(me(other), second, 'unused');
    expect(refused).toMatchObject({ kind: 'refused', refusal: { code: 'last_system_token' } });
    expect(other.control.records.claims.find(claimStream(SYSTEM_TOKENS)).state.overtaken).toHaveLength(1);
    paused.goOn();
    await expect(revoked).rejects.toThrow('held dead');
    await caughtUp(other);
    const { state } = other.control.records.systemTokens.find(systemTokenStream(second));
    expect(state).toMatchObject({ status: 'active', token: { holder: SYSTEM_ADMINISTRATOR } });
  });
});
