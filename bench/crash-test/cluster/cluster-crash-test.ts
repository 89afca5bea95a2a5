import { setTimeout as sleep } from 'node:timers/promises';
import { formatUsd, nanoUsd } from '#kernel';
import type { ClientCall } from '../answered-call';
import { CallCounts } from '../call-counts';
import type { CrashOptions } from '../options';
import { Random } from '../random';
import { HOLD_NANO_USD, judgeRest, REST_HOLDS, spendRest } from '../spend-rest';
import type { Violations } from '../violations';
import {
  makeWorld,
  RESOLVED_PER_ROUND_MAX,
  setTightLimit,
  TIGHT_HOLDS_MAX,
  TIGHT_HOLDS_MIN,
  type World,
} from '../world';
import type { Cluster } from './cluster';
import type { ClusterAudit } from './cluster-audit';
import { ClusterLoad } from './cluster-load';
import { Disturbances } from './disturbances';

const ROOMY_ORGANIZATIONS = 3;
/** How often the tight budget is given room again under load. */
const REFILL_MS = 1_500;
const COMMAND_PATIENCE_MS = 20_000;
const AGREEMENT_MS_MAX = 10_000;
const AGREEMENT_POLL_MS = 200;

/** Disturbs gateways and their store under load, and in every rest compares the record with what others saw. */
export class ClusterCrashTest {
  readonly calls = new CallCounts();
  readonly disturbances: Disturbances;
  restPercent = 0n;
  commands = 0;
  commandsFailed = 0;
  readonly #random: Random;

  constructor(
    private readonly cluster: Cluster,
    private readonly audit: ClusterAudit,
    private readonly options: CrashOptions,
    private readonly violations: Violations,
    tell: (what: string) => void,
  ) {
    this.#random = new Random(options.seed);
    // Choices of their own, so that they do not depend on how many calls there were time for.
    this.disturbances = new Disturbances(cluster, new Random(options.seed + 1), options, tell);
  }

  async run(upstreamUrl: string, tell: () => void): Promise<void> {
    const { cluster, options, disturbances, audit } = this;
    const [first] = cluster.members;
    if (first === undefined) throw new Error('a cluster has at least one gateway');
    const world = await makeWorld(first.gateway.admin, upstreamUrl, ROOMY_ORGANIZATIONS);
    await audit.follow();
    const load = new ClusterLoad(world, this.#random, options.seed, options.callers, {
      all: () => cluster.members.map(({ gateway }) => gateway.url),
      serving: () => cluster.serving.map(({ gateway }) => gateway.url),
    });
    while (disturbances.kills < options.kills) {
      const kills = Math.min(options.kills, disturbances.kills + options.killsPerRound);
      const ended = await this.#disturbUnderLoad(world, load, kills);
      await audit.checkRest(ended);
      this.calls.add(ended);
      await this.#checkAgreement(world);
      await this.#resolveSome(world);
      tell();
    }
    await load.close();
    await this.#spendRest(world);
    await audit.checkHistory();
  }

  async #disturbUnderLoad(world: World, load: ClusterLoad, kills: number): Promise<ClientCall[]> {
    const over = new AbortController();
    const running = load.run(over.signal);
    const refilling = this.#refill(world, over.signal);
    await this.disturbances.untilKills(kills);
    over.abort();
    await refilling;
    return running;
  }

  /** Keeps the tight budget near its limit, by commands through any gateway that may be killed over them. */
  async #refill(world: World, over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      const holds = Math.round(this.#random.between(TIGHT_HOLDS_MIN, TIGHT_HOLDS_MAX));
      await this.audit.follow();
      await this.#command((admin) => setTightLimit(admin, world, this.#used(world) + BigInt(holds) * HOLD_NANO_USD));
      await sleep(REFILL_MS, undefined, { signal: over }).catch(() => undefined); // The round is over: no more.
    }
  }

  /** A command that fails is nothing by itself: the gateway may just have been killed. */
  async #command(order: (admin: Cluster['members'][number]['gateway']['admin']) => Promise<unknown>): Promise<void> {
    const { members } = this.cluster;
    this.commands += 1;
    const giveUp = new AbortController();
    const patience = sleep(COMMAND_PATIENCE_MS, undefined, { signal: giveUp.signal }).then(
      () => Promise.reject(new Error('no answer')),
      () => undefined,
    );
    try {
      await Promise.race([order(this.#random.pick(members).gateway.admin), patience]);
    } catch {
      this.commandsFailed += 1;
    } finally {
      giveUp.abort();
    }
  }

  #used(world: World): bigint {
    const { settled, unresolved } = this.audit.budget(world.tightBudgetId);
    return settled + unresolved;
  }

  /** Every gateway counts what the record proves. */
  async #checkAgreement(world: World): Promise<void> {
    for (const { gateway, name } of this.cluster.members) {
      const deadline = performance.now() + AGREEMENT_MS_MAX;
      for (;;) {
        const told = await gateway.admin.budget(world.tightOrgId, world.tightBudgetId).catch(String);
        const counted = typeof told === 'string' ? told : `${told.settled} ${told.held} ${told.unresolved}`;
        // Calls may still be settled late, from answers that were kept.
        await this.audit.follow();
        const { settled, held, unresolved } = this.audit.budget(world.tightBudgetId);
        const wanted = [settled, held, unresolved].map((one) => formatUsd(nanoUsd(one))).join(' ');
        if (counted === wanted) break;
        if (performance.now() > deadline) {
          this.violations.add(`${name} counts ${counted} where the record proves ${wanted}`);
          break;
        }
        await sleep(AGREEMENT_POLL_MS);
      }
    }
  }

  async #resolveSome(world: World): Promise<void> {
    const lost = this.audit.unresolvedCalls().filter(({ orgId }) => orgId === world.tightOrgId);
    for (const { callId, orgId } of lost.slice(0, RESOLVED_PER_ROUND_MAX))
      await this.#command((admin) => admin.resolveCall(orgId, callId, '0.000001', 'the crash test knows'));
  }

  async #spendRest(world: World): Promise<void> {
    const left = REST_HOLDS * HOLD_NANO_USD;
    const { gateway } = this.#random.pick(this.cluster.members);
    await this.audit.follow();
    await setTightLimit(gateway.admin, world, this.#used(world) + left);
    const before = this.#used(world);
    const rest = await spendRest(gateway.url, world);
    await this.audit.checkRest([]);
    this.restPercent = judgeRest(rest, left, left - (this.#used(world) - before), this.violations);
  }
}
