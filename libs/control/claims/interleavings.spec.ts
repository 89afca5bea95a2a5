import { organizationStream } from '#identity';
import type { OrganizationId } from '#kernel';
import { barKey } from '#ledger';
import { Random } from '#testing/simulation';
import { Interleaving, me, type Perils, registered, type TestGateway, TestGateways, testMachine } from '../testing';
import { claimStream } from './events';

type Wish = 'suspended' | 'active';

interface Told {
  readonly wish: Wish;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly answer: 'accepted' | 'refused' | 'unavailable';
}

const ROUNDS = 3;
const GATEWAYS = 3;
const PATIENCE_MS = 61_000;

/** Several gateways suspend and resume one organization at once, and fare as the seed says. */
class Race {
  readonly told: Told[] = [];
  private readonly random: Random;
  private readonly cluster = new TestGateways(testMachine());
  private readonly clock = this.cluster.machine.clock;
  private turn = 0;

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  async run(perils: Perils) {
    const first = await this.cluster.start();
    const orgId = await registered(first);
    const interleaving = new Interleaving(this.random, this.clock, perils, this.cluster.lives);
    for (let round = 0; round < ROUNDS; round += 1) {
      while (this.living.length < GATEWAYS) await this.cluster.start();
      for (const gateway of this.living) interleaving.watch(gateway);
      const commands = this.living.flatMap((gateway) => (this.random.chance(70) ? this.command(gateway, orgId) : []));
      await interleaving.until(Promise.all(commands));
    }
    for (const { way } of this.cluster.gateways) way.script = {};
    interleaving.end();
    if (this.living.length === 0) await this.cluster.start();
    await this.settle(orgId);
    this.clock.advance(PATIENCE_MS);
    await this.settle(orgId);
    const [survivor = first] = this.living;
    const bar = (await survivor.ledger.read(orgId)).bars.get(barKey({ type: 'organization' }));
    const { state } = await survivor.control.records.organizations.refresh(organizationStream(orgId));
    await this.cluster.close();
    return { status: state.status, bar, crashes: interleaving.crashes, pauses: interleaving.pauses };
  }

  /** What may have been the last to take effect: whatever no accepted command has followed. */
  get possible(): readonly string[] {
    const accepted = this.told.filter(({ answer }) => answer === 'accepted');
    const last = this.told.filter(
      ({ answer, endedAt }) => answer !== 'refused' && !accepted.some(({ startedAt }) => startedAt > endedAt),
    );
    const wishes = last.map(({ wish }) => wish);
    return accepted.length === 0 ? [...wishes, 'active'] : wishes;
  }

  /** What each gateway does every few seconds, and by itself when another one dies, until nobody holds the claim. */
  private async settle(orgId: OrganizationId): Promise<void> {
    for (const { control } of this.living)
      for (let isHeld = true; isHeld; ) {
        await control.waitFor(await this.cluster.machine.store.lastPosition(), 5_000);
        await control.finishPending();
        await new Promise((resolve) => setImmediate(resolve));
        isHeld = control.records.claims.find(claimStream(orgId)).state.holder !== undefined;
      }
  }

  private get living(): readonly TestGateway[] {
    return this.cluster.gateways.filter(({ way }) => !way.isCrashed);
  }

  private async command(gateway: TestGateway, orgId: OrganizationId): Promise<void> {
    const wish = this.random.pick<Wish>(['suspended', 'active']);
    const startedAt = this.turn++;
    const command =
      wish === 'suspended'
        ? ({ type: 'SuspendOrganization', reason: `round ${startedAt}` } as const)
        : ({ type: 'ResumeOrganization' } as const);
    const answer = await gateway.control.organizations.change(me(gateway), orgId, command).then(
      ({ kind }) => (kind === 'accepted' ? kind : 'refused'),
      () => 'unavailable' as const,
    );
    this.told.push({ wish, startedAt, endedAt: this.turn++, answer });
  }
}

const SEEDS = Number(process.env.INTERLEAVINGS ?? 150);

describe('gateways that suspend and resume one organization at once', () => {
  it.each([
    ['in any order', { crashPercent: 0, pausePercent: 0 }],
    ['and crash between any two appends', { crashPercent: 5, pausePercent: 0 }],
    ['and are held dead while they only pause', { crashPercent: 0, pausePercent: 5 }],
    ['and meet with all of it', { crashPercent: 3, pausePercent: 4 }],
  ])(
    'agree in the end, and keep what was accepted last: %s',
    async (_, perils) => {
      let crashes = 0;
      let pauses = 0;
      for (let seed = 1; seed <= SEEDS / 3; seed += 1) {
        const race = new Race(seed);
        const end = await race.run(perils);
        const found = { seed, ...end, told: race.told };
        expect({ ...found, isBarred: end.bar !== undefined }).toMatchObject({ isBarred: end.status === 'suspended' });
        expect({ ...found, isPossible: race.possible.includes(end.status) }).toMatchObject({ isPossible: true });
        crashes += end.crashes;
        pauses += end.pauses;
      }
      expect(crashes > 0).toBe(perils.crashPercent > 0);
      expect(pauses > 0).toBe(perils.pausePercent > 0);
    },
    60_000,
  );
});
