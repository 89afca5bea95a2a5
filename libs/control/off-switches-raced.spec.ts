import { type ApiKeyState, apiKeyStream, organizationStream } from '#identity';
import { type ApiKeyId, epochMs, type ModelId, nanoUsd, type OrganizationId, type ProjectId } from '#kernel';
import { type AuthorizeCall, barKey, type KeyOwner, type LedgerEvent, ledgerCodec, ledgerStream } from '#ledger';
import { Random } from '#testing/simulation';
import { claimStream } from './claims/events';
import {
  account,
  Interleaving,
  issued,
  me,
  type Perils,
  registered,
  type TestGateway,
  TestGateways,
  testMachine,
} from './testing';

const GATEWAYS = 3;
const PRICE = nanoUsd(1n);

interface Subject {
  readonly orgId: OrganizationId;
  readonly owner: KeyOwner & { readonly type: 'service-account' };
  readonly projectId: ProjectId;
  readonly keyId: ApiKeyId;
}

function callOf({ keyId, owner, projectId }: Subject, gateway: TestGateway): AuthorizeCall {
  const { identifiers } = me(gateway);
  return {
    type: 'AuthorizeCall',
    callId: identifiers.id('req'),
    keyId,
    keyOwner: owner,
    projectId,
    model: 'echo' as ModelId,
    endpoint: 'chat',
    stream: false,
    backendId: identifiers.id('bkd'),
    prices: { version: 1, input: PRICE, cachedInput: PRICE, cacheWrite: PRICE, output: PRICE },
    bounds: {
      inputTokensMax: 1,
      inputTokensEstimate: 1,
      outputTokensCap: 1,
      outputCapSource: 'client',
      outputsMax: 1,
    },
    outputTokensCapMin: 1,
    owner: gateway.bootId,
    dispatchWindowMs: 5_000,
    holdMs: 60_000,
  };
}

/** One gateway disables an account while the others call with its keys, rotate them and issue more. */
class Race {
  private readonly random: Random;
  private readonly cluster = new TestGateways(testMachine());
  readonly secrets: string[] = [];

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  async run(perils: Perils) {
    const first = await this.cluster.start();
    const orgId = await registered(first);
    const owner = await account(first, orgId);
    const { secret, ...key } = await issued(first, { owner });
    this.secrets.push(secret);
    const subject: Subject = { ...key, owner };
    while (this.cluster.gateways.length < GATEWAYS) await this.cluster.start();
    const { clock, store } = this.cluster.machine;
    for (const { control } of this.cluster.gateways) await control.waitFor(await store.lastPosition(), 5_000);
    const interleaving = new Interleaving(this.random, clock, perils, this.cluster.lives);
    for (const gateway of this.cluster.gateways) interleaving.watch(gateway);
    const work = this.cluster.gateways.map((gateway, index) =>
      index === 0 ? this.disable(gateway, subject) : this.use(gateway, subject),
    );
    // Whoever has crashed would try for ten minutes to record what it was told.
    const ends = work.map((one, index) => Promise.race([one, this.crashOf(this.cluster.gateways[index] ?? first)]));
    await interleaving.until(Promise.all(ends));
    for (const { way } of this.cluster.gateways) way.script = {};
    interleaving.end();
    return this.outcome(subject);
  }

  private crashOf({ bootId, way }: TestGateway): Promise<void> {
    return new Promise((resolve) =>
      this.cluster.lives.onDeath((dead) => {
        if (dead === bootId && way.isCrashed) resolve();
      }),
    );
  }

  private async disable(gateway: TestGateway, { orgId, owner }: Subject): Promise<void> {
    const command = { type: 'DisableServiceAccount', serviceAccountId: owner.id } as const;
    await gateway.control.organizations.change(me(gateway), orgId, command).catch(() => undefined);
  }

  private async use(gateway: TestGateway, subject: Subject): Promise<void> {
    const { orgId, projectId, owner, keyId } = subject;
    const { apiKeys } = gateway.control;
    const actor = { type: 'api-key', id: keyId } as const;
    for (let turn = 0; turn < 4; turn += 1) {
      const call = gateway.ledger.submit(orgId, callOf(subject, gateway), { actor });
      const wanted = { name: `key ${turn}`, projectId, owner };
      const made = this.random.chance(50)
        ? apiKeys.rotate(me(gateway), orgId, keyId, 0)
        : apiKeys.issue(me(gateway), orgId, wanted);
      const [, key] = await Promise.allSettled([call, made]);
      if (key.status === 'fulfilled' && key.value.secret !== undefined) this.secrets.push(key.value.secret);
    }
  }

  private async outcome({ orgId, owner, keyId }: Subject) {
    const { machine } = this.cluster;
    let [survivor] = this.cluster.gateways.filter(({ way }) => !way.isCrashed);
    survivor ??= await this.cluster.start();
    // As each gateway does every few seconds, and by itself when another one dies, until nobody holds the claim.
    for (let isHeld = true; isHeld; ) {
      await survivor.control.waitFor(await machine.store.lastPosition(), 5_000);
      await survivor.control.finishPending();
      await new Promise((resolve) => setImmediate(resolve));
      isHeld = survivor.control.records.claims.find(claimStream(orgId)).state.holder !== undefined;
    }
    const events: LedgerEvent[] = [];
    for await (const stored of machine.store.readStream(ledgerStream(orgId))) {
      const decoded = ledgerCodec.decode(stored);
      if (decoded !== undefined) events.push(decoded.event);
    }
    const { state } = await survivor.control.records.organizations.refresh(organizationStream(orgId));
    const key: ApiKeyState = (await survivor.control.records.apiKeys.refresh(apiKeyStream(keyId))).state;
    const barredAt = events.findIndex(
      (event) => event.type === 'SubjectBarred' && barKey(event.data.subject) === barKey(owner),
    );
    const now = epochMs(machine.clock.now());
    const authenticated = this.secrets.filter((one) => survivor.control.authenticateKey(one, '::1').ok).length;
    // What was looked at is over; a ledger that cannot write at all would not stop either.
    for (const { way } of this.cluster.gateways) way.isCrashed = false;
    await this.cluster.close();
    return {
      isDisabled: state.status === 'active' && state.organization.serviceAccounts.get(owner.id)?.disabled === true,
      isBarred: barredAt !== -1,
      authorizedAfter: events.slice(barredAt + 1).filter(({ type }) => type === 'InferenceAuthorized').length,
      authorizedBefore: events.slice(0, Math.max(0, barredAt)).filter(({ type }) => type === 'InferenceAuthorized')
        .length,
      authenticated,
      key: key.status,
      now,
    };
  }
}

const SEEDS = Number(process.env.INTERLEAVINGS ?? 150);

describe('a service account that is disabled while other gateways use its keys', () => {
  it.each([
    ['in any order', { crashPercent: 0, pausePercent: 0 }],
    ['and gateways crash between any two appends', { crashPercent: 4, pausePercent: 0 }],
    ['and are held dead while they only pause', { crashPercent: 0, pausePercent: 4 }],
  ])(
    'is authorized nothing after its bar, and no secret of it lives: %s',
    async (_, perils) => {
      let barred = 0;
      let authorizedBefore = 0;
      for (let seed = 1; seed <= SEEDS / 5; seed += 1) {
        const found = { seed, ...(await new Race(seed).run(perils)) };
        expect(found).toMatchObject({ isDisabled: found.isBarred });
        if (!found.isBarred) continue;
        barred += 1;
        authorizedBefore += found.authorizedBefore;
        expect(found).toMatchObject({ authorizedAfter: 0, authenticated: 0 });
      }
      // Otherwise nothing would have been raced.
      expect(barred).toBeGreaterThan(0);
      expect(authorizedBefore).toBeGreaterThan(0);
    },
    60_000,
  );
});
