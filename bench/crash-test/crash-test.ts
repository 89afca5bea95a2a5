import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { PlatformProcess } from '#testing/platform-process';
import type { ClientCall } from './answered-call';
import { CallAudit } from './call-audit';
import { CallCounts } from './call-counts';
import { LedgerAudit } from './ledger-audit';
import { CrashLoad } from './load';
import type { CrashOptions } from './options';
import { Random } from './random';
import { readLedgers } from './recorded-ledger';
import { HOLD_NANO_USD, judgeRest, REST_HOLDS, spendRest } from './spend-rest';
import type { Violations } from './violations';
import {
  makeWorld,
  RESOLVED_PER_ROUND_MAX,
  setTightLimit,
  TIGHT_HOLDS_MAX,
  TIGHT_HOLDS_MIN,
  type World,
} from './world';

/** Some kills come while the process is still starting. */
const KILLED_IN_START_SHARE = 0.1;
/** Not before the process is there. */
const KILLED_IN_START_MS_MIN = 20;
const KILLED_IN_START_MS_MAX = 1_500;

export interface CrashReport {
  kills: number;
  killsInStart: number;
  readonly calls: CallCounts;
  upstreamCalls: number;
  /** Calls whose cost no process lived to learn. */
  unresolved: number;
  events: number;
  restPercent: bigint;
}

/** Kills the platform again and again under load, and after every restart compares the record with what others saw. */
export class CrashTest {
  readonly report: CrashReport = {
    kills: 0,
    killsInStart: 0,
    calls: new CallCounts(),
    upstreamCalls: 0,
    unresolved: 0,
    events: 0,
    restPercent: 0n,
  };
  readonly #random: Random;
  readonly #ledger: LedgerAudit;
  readonly #calls: CallAudit;
  #seenPosition = 0n;

  constructor(
    private readonly platform: PlatformProcess,
    private readonly options: CrashOptions,
    private readonly violations: Violations,
    upstreamLog: string,
  ) {
    this.#random = new Random(options.seed);
    this.#ledger = new LedgerAudit(violations);
    this.#calls = new CallAudit(violations, upstreamLog);
  }

  async run(upstreamUrl: string, tell: (report: CrashReport) => void): Promise<void> {
    const { platform, options } = this;
    const world = await makeWorld(platform.admin, upstreamUrl);
    await this.#audit([]);
    const load = new CrashLoad(world, this.#random, options.seed, options.callers);
    while (this.report.kills < options.kills) {
      await this.#refill(world);
      const ended = await this.#loadAndKill(load);
      if (this.#random.chance(KILLED_IN_START_SHARE)) await this.#killInStart();
      await platform.start();
      await this.#audit(ended);
      tell(this.report);
    }
    await this.#spendRest(world);
    this.report.unresolved = this.#ledger.unresolvedCalls().length;
  }

  async #loadAndKill(load: CrashLoad): Promise<ClientCall[]> {
    const stop = new AbortController();
    const running = load.run(this.platform.url, stop.signal);
    await setTimeout(this.#random.between(this.options.secondsMin, this.options.secondsMax) * 1_000);
    const { code, signal } = await this.platform.kill('SIGKILL');
    if (signal !== 'SIGKILL') this.violations.add(`the platform ended by itself with ${code}: ${this.platform.stderr}`);
    this.report.kills += 1;
    stop.abort();
    return running;
  }

  async #killInStart(): Promise<void> {
    const starting = this.platform.start().catch(() => undefined); // It is killed: that it is not ready is the point.
    await setTimeout(this.#random.between(KILLED_IN_START_MS_MIN, KILLED_IN_START_MS_MAX));
    await this.platform.kill('SIGKILL');
    await starting;
    this.report.kills += 1;
    this.report.killsInStart += 1;
  }

  /** With the platform ready and nobody calling. */
  async #audit(ended: readonly ClientCall[]): Promise<void> {
    this.#calls.readUpstream();
    const events = await readLedgers(join(this.platform.dataDir, 'events'), this.#seenPosition);
    for (const event of events) {
      this.#ledger.take(event);
      this.#seenPosition = event.position;
      const call = event.type === 'InferenceAuthorized' ? this.#ledger.calls.get(String(event.data.callId)) : undefined;
      if (call !== undefined) this.#calls.authorized(call);
    }
    this.report.events += events.length;
    this.#ledger.checkNoHolds();
    this.#calls.checkUpstream();
    this.#calls.checkClients(ended);
    this.report.upstreamCalls = this.#calls.upstreamCalls;
    this.report.calls.add(ended);
  }

  /** Resolves a few lost calls and gives the tight budget room for a few more. */
  async #refill(world: World): Promise<void> {
    const { admin } = this.platform;
    const lost = this.#ledger.unresolvedCalls().filter(({ orgId }) => orgId === world.tightOrgId);
    for (const { callId } of lost.slice(0, RESOLVED_PER_ROUND_MAX))
      await admin.resolveCall(world.tightOrgId, callId, '0.000001', 'the crash test knows');
    await this.#audit([]);
    const holds = Math.round(this.#random.between(TIGHT_HOLDS_MIN, TIGHT_HOLDS_MAX));
    await this.#limitTo(world, BigInt(holds) * HOLD_NANO_USD);
  }

  #used(world: World): bigint {
    const budget = this.#ledger.budget(world.tightBudgetId);
    if (budget === undefined) throw new Error('the tight budget is not on record');
    return budget.settled + budget.unresolved;
  }

  async #limitTo(world: World, left: bigint): Promise<void> {
    await setTightLimit(this.platform.admin, world, this.#used(world) + left);
  }

  async #spendRest(world: World): Promise<void> {
    const left = REST_HOLDS * HOLD_NANO_USD;
    await this.#limitTo(world, left);
    const before = this.#used(world);
    const rest = await spendRest(this.platform.url, world);
    await this.#audit([]);
    this.report.restPercent = judgeRest(rest, left, left - (this.#used(world) - before), this.violations);
  }
}
