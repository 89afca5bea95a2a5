import { type BootId, composeId, epochMs, type OrganizationId, type StoredEvent } from '#kernel';
import {
  carryText,
  evolve,
  foldAll,
  initialLedgerState,
  type LedgerCommand,
  type LedgerState,
  ledgerCodec,
  loadLedger,
  RecordInFutureError,
} from '#ledger';
import { LedgerOracle } from './ledger-oracle';
import { costOfUsage } from './oracle-arithmetic';
import { Random } from './random';
import { RecordedStore } from './recorded-store';
import { ResolvingPeople } from './resolving-people';
import { type Scenario, scenarioOf } from './scenario';
import { SimulatedCluster } from './simulated-cluster';
import { SimulatedCall, type Surroundings } from './simulated-gateway';
import { SimulatedProcess, type Weather } from './simulated-process';
import { NOTHING_BETWEEN, type SimulationOptions, type SimulationReport } from './simulation-report';
import { Upstream } from './upstream';
import { settle, VirtualTime } from './virtual-time';

/** Forty seconds before a day, a month and a quarter begin in Berlin. */
const START = epochMs(Date.parse('2026-03-31T21:59:20Z'));
const ACTOR = { actor: { type: 'system', id: 'operator' } } as const;
const DEAD_LONG_ENOUGH_MS = 3_600_000;

/**
 * Many callers over the ledger's service on a store that fails, in processes that crash, on clocks that jump. All of it
 * follows from the seed. After every step the record is checked by an oracle that shares nothing with the ledger.
 */
export class LedgerSimulation {
  private readonly random: Random;
  private readonly time = new VirtualTime(START);
  private readonly org: OrganizationId;
  private readonly scenario: Scenario;
  private readonly weather: Weather;
  private readonly upstream: Upstream;
  private readonly oracle: LedgerOracle;
  private readonly store: RecordedStore;
  private readonly aliveBoots = new Set<string>();
  private readonly processes: SimulatedProcess[] = [];
  private readonly places = new Map<BootId, number>();
  private readonly around: Surroundings;
  private readonly people: ResolvingPeople;
  /** The fold of the record, by number of events. */
  private readonly folds: LedgerState[] = [initialLedgerState];
  private readonly crashes: unknown[] = [];
  private steps = 0;
  private readonly cluster: SimulatedCluster | undefined;

  constructor(
    readonly seed: number,
    { gateways }: SimulationOptions = {},
  ) {
    this.random = new Random(seed);
    this.org = composeId('org', START, this.random.bytes(10));
    this.scenario = scenarioOf(this.random);
    this.store = new RecordedStore(this.scenario.knowsRepeats, (event) => this.recorded(event));
    this.weather = {
      isStoreDown: false,
      faultPercent: this.random.pick([0, 2, 10, 30]),
      delayMsMax: this.random.pick([0, 5, 50, 1_000]),
    };
    this.upstream = new Upstream(this.random);
    const { time, weather, store } = this;
    const onHistoryChanged = () => this.crashes.push(new Error('the store was taken for a restored one'));
    if (gateways !== undefined)
      this.cluster = new SimulatedCluster(
        { time, random: this.random, weather, store, settings: this.scenario.settings, onHistoryChanged },
        gateways,
      );
    this.oracle = new LedgerOracle({
      isOwnerAlive: (owner) => !(this.cluster?.leases.hasLapsed(owner) ?? !this.aliveBoots.has(owner)),
      wasDispatched: (callId) => this.upstream.dispatched.has(callId),
      mayRunOut: (callId) =>
        this.scenario.hasJumps || this.upstream.silent.has(callId) || this.cluster?.wasSilentIn(callId) === true,
    });
    const { org, random, oracle, upstream } = this;
    this.around = { org, random, oracle, upstream, endings: [] };
    this.people = new ResolvingPeople(random, oracle, upstream, (command) => this.submit(command));
  }

  /** @throws Error that names the seed and everything that was found wrong. */
  async run(actions: number): Promise<SimulationReport> {
    const places = this.cluster?.gateways ?? this.scenario.writers;
    for (let i = 0; i < places; i += 1) this.background(this.boot(i));
    await this.pass(10_000);
    for (const command of this.scenario.setUp) this.submit(command);
    await this.pass(2_000);
    for (let i = 0; i < actions; i += 1) {
      this.act();
      await this.pass(
        this.random.weighted([
          [0, 20],
          [this.random.between(1, 300), 60],
          [3_000, 20],
        ]),
      );
      if (this.random.chance(10)) await this.compareStates();
    }
    await this.comeToRest();
    return this.report();
  }

  private act(): void {
    const act = this.random.weighted<() => void>([
      [() => this.call(), 60],
      [() => this.submit(this.scenario.control(this.random)), 12],
      [() => this.people.resolveSome(), 6],
      [() => this.people.correctSome(), 5],
      [() => this.people.resolvePage(), 3],
      [() => this.people.settleLate(), 5],
      [() => this.repeatSome(), 6],
      [() => this.crashOne(), this.scenario.crashWeight],
      [() => this.turnStore(), 4],
      [() => this.setAClock(), this.scenario.hasJumps ? 6 : 0],
      [() => this.pauseOne(), this.cluster === undefined ? 0 : 5],
    ]);
    act();
  }

  private call(): void {
    for (let i = this.random.between(1, 4); i > 0; i -= 1) {
      const process = this.anyProcess();
      if (process === undefined) return;
      const command = this.scenario.authorization(this.random, process.boot, this.time.now());
      this.background(new SimulatedCall(process, this.around, command).run());
    }
  }

  private submit(command: LedgerCommand): void {
    const process = this.anyProcess();
    // An operator who is told that it did not work tries again some other day.
    process?.ledger.submit(this.org, command, ACTOR).catch(() => undefined);
  }

  private repeatSome(): void {
    const { endings } = this.around;
    for (let i = Math.min(3, endings.length); i > 0; i -= 1) {
      const ending = endings[this.random.between(0, endings.length - 1)];
      // Only what the record has seen end may be repeated by anybody: before that it would be another ending.
      if (ending === undefined || !('callId' in ending) || this.isOpen(ending.callId)) continue;
      this.submit(ending);
    }
  }

  private isOpen(callId: string): boolean {
    return this.oracle.openCalls.some(({ call }) => call.callId === callId);
  }

  private crashOne(): void {
    const process = this.anyProcess();
    if (process === undefined) return;
    const place = this.places.get(process.boot) ?? 0;
    if (this.cluster === undefined) process.crash();
    else this.cluster.crash(process);
    this.aliveBoots.delete(process.boot);
    this.processes.splice(this.processes.indexOf(process), 1);
    this.sweepLater();
    this.time.after(this.random.between(0, 5_000), () => this.background(this.boot(place)));
  }

  private pauseOne(): void {
    const process = this.anyProcess();
    if (process === undefined) return;
    this.cluster?.pause(process);
    this.sweepLater();
  }

  private sweepLater(): void {
    if (this.cluster === undefined) return;
    for (const process of this.processes) this.background(this.cluster.sweepAfterLease(process, this.org));
  }

  private turnStore(): void {
    this.weather.isStoreDown = true;
    this.time.after(this.random.pick([10, 500, 15_000]), () => {
      this.weather.isStoreDown = false;
    });
  }

  private setAClock(): void {
    this.anyProcess()?.jump(this.random.pick([-120_000, -2_000, 2_000, 90_000, 1_200_000, 90_000_000]));
  }

  private anyProcess(): SimulatedProcess | undefined {
    const running = this.processes.filter(({ isPaused }) => !isPaused);
    return running[this.random.between(0, Math.max(0, running.length - 1))];
  }

  /** Starts a process as an operator would: again and again until it works, with its clock set right. */
  private async boot(place: number): Promise<void> {
    if (this.cluster !== undefined) return this.bootGateway(this.cluster, place);
    const { time, random, weather, store } = this;
    const { settings } = this.scenario;
    for (;;) {
      const isOwnerAlive = (owner: string) => this.aliveBoots.has(owner);
      const process = new SimulatedProcess({ time, random, weather, store, isOwnerAlive, settings });
      const ahead = this.aheadOf(process);
      if (this.random.chance(80)) process.jump(ahead);
      this.aliveBoots.add(process.boot);
      try {
        // Now and then somebody says that it was the record's clock that was wrong.
        await process.ledger.start(this.random.chance(30) ? this.folds.at(-1)?.time : undefined);
        this.processes.push(process);
        return;
      } catch (error) {
        this.oracle.expect(!(error instanceof RecordInFutureError) || ahead > 300_000, 'refused to start too early');
        process.crash();
        this.aliveBoots.delete(process.boot);
        await this.time.sleep(1_000);
      }
    }
  }

  private bootGateway(cluster: SimulatedCluster, place: number): Promise<void> {
    const process = cluster.start(place);
    process.jump(this.aheadOf(process));
    this.aliveBoots.add(process.boot);
    this.places.set(process.boot, place);
    this.processes.push(process);
    return cluster.sweepAfterLease(process, this.org);
  }

  /** How far the record is ahead of a process's clock. */
  private aheadOf(process: SimulatedProcess): number {
    return Math.max(0, (this.folds.at(-1)?.time ?? 0) - process.now());
  }

  /** What runs beside the simulation's own steps; a throw in it is a finding. */
  private background(running: Promise<void>): void {
    running.catch((error: unknown) => this.crashes.push(error));
  }

  private recorded(stored: StoredEvent): void {
    const decoded = ledgerCodec.decode(stored);
    if (decoded === undefined) throw new Error(`${stored.type} is no event of the ledger`);
    this.oracle.observe(decoded);
    const { id, event, metadata } = decoded;
    this.cluster?.recorded(decoded, this.oracle);
    this.folds.push(evolve(this.folds.at(-1) ?? initialLedgerState, { id, event, at: metadata.at }));
  }

  private async pass(ms: number): Promise<void> {
    const untilMs = this.time.monotonicMs() + ms;
    await settle();
    while (await this.time.step(untilMs)) {
      this.steps += 1;
      this.checkFindings();
    }
    this.time.skipTo(untilMs);
    this.checkFindings();
  }

  private checkFindings(): void {
    const found = [...this.oracle.violations, ...this.crashes.map((crash) => (crash as Error).stack ?? String(crash))];
    if (found.length > 0) throw new Error(`seed ${this.seed}, step ${this.steps}: ${found.slice(0, 5).join('; ')}`);
  }

  /** Warm states, a load from the newest carry and the oracle's sums all say what the fold of all events says. */
  private async compareStates(): Promise<void> {
    const newest = this.folds.at(-1) ?? initialLedgerState;
    const loaded = await loadLedger(this.store, this.org);
    this.oracle.expect(carryText(loaded.state) === carryText(newest), 'loading from a carry gives another state');
    if (this.cluster === undefined) await this.compareWarmStates();
    else await this.compareReadStates();
    this.compareSums(this.folds.at(-1) ?? newest);
    this.checkFindings();
  }

  private async compareWarmStates(): Promise<void> {
    for (const process of this.processes) {
      const [state, position] = await Promise.all([
        process.ledger.read(this.org).catch(() => undefined),
        process.ledger.position(this.org).catch(() => undefined),
      ]);
      const fold = position === undefined ? undefined : this.folds[Number(position)];
      if (state === undefined || fold === undefined) continue;
      this.oracle.expect(carryText(state) === carryText(fold), `the warm state at ${position} is not the fold`);
    }
  }

  /** Where others write too, a read gives everything that was recorded before it was asked for. */
  private async compareReadStates(): Promise<void> {
    const asked = this.folds.length - 1;
    const states: LedgerState[] = [];
    for (const process of this.processes)
      if (!process.isPaused)
        process.ledger.read(this.org).then(
          (state) => states.push(state),
          () => undefined,
        );
    await this.pass(500);
    for (const state of states) {
      const text = carryText(state);
      const isFold = this.folds.slice(asked).some((fold) => carryText(fold) === text);
      this.oracle.expect(isFold, 'a state that was read is not what was on record');
    }
  }

  private compareSums(state: LedgerState): void {
    for (const [key, { held, settled, unresolved }] of this.oracle.sums.rows) {
      const counter = state.periods.get(key);
      const isForgotten = counter === undefined && held === 0n && unresolved === 0n;
      const isSame = counter?.held === held && counter.settled === settled && counter.unresolved === unresolved;
      this.oracle.expect(isForgotten || isSame, `${key} counts something else than the record`);
    }
    this.oracle.expect(state.holds.size === this.oracle.openCalls.length, 'open calls differ');
    this.oracle.expect(state.unresolved.size === this.people.unresolvedCalls().length, 'unresolved calls differ');
  }

  /** The storm ends; after a while nothing is open, and everything that was billed is accounted for. */
  private async comeToRest(): Promise<void> {
    await this.pass(20_000);
    Object.assign(this.weather, { isStoreDown: false, faultPercent: 0, delayMsMax: 0 });
    await this.pass(20_000);
    for (const process of this.processes) this.cluster?.goOn(process);
    if (this.cluster !== undefined) await this.pass(20_000);
    for (const process of this.processes) process.jump(this.aheadAtRest(process) + DEAD_LONG_ENOUGH_MS);
    await this.pass(15_000);
    const stopped = Promise.all(this.processes.map((process) => process.ledger.stop()));
    await this.pass(1_000);
    await stopped;
    const open = this.oracle.openCalls.map(({ call }) => call.callId);
    this.oracle.expect(open.length === 0, `${open.join(', ')} never ended`);
    const all = await foldAll(this.store, this.org);
    this.oracle.expect(carryText(all.state) === carryText(this.folds.at(-1) ?? initialLedgerState), 'the fold differs');
    await this.compareStates();
    this.checkBills();
    this.checkFindings();
  }

  /** Gateways that know each other do not refuse to start behind the record. */
  private aheadAtRest(process: SimulatedProcess): number {
    return this.cluster === undefined ? 0 : this.aheadOf(process);
  }

  /** No budget believes that a call cost less than it did, unless that is recorded as an excess or was decided so. */
  private checkBills(): void {
    for (const [callId, usage] of this.upstream.billed) {
      const row = this.oracle.calls.get(callId);
      if (row === undefined) continue;
      const cost = costOfUsage(usage, row.call.prices);
      const bounded = cost < row.call.holdCost ? cost : row.call.holdCost;
      const isCounted = row.phase === 'completed' || row.phase === 'unresolved';
      this.oracle.expect(
        row.phase !== 'released' && row.phase !== 'failed',
        `${callId} was billed and is ${row.phase}`,
      );
      this.oracle.expect(!isCounted || row.charged >= bounded, `${callId} cost ${cost} and counts ${row.charged}`);
    }
  }

  private report(): SimulationReport {
    const phases: Record<string, number> = { ...this.oracle.happened };
    for (const { phase } of this.oracle.calls.values()) phases[phase] = (phases[phase] ?? 0) + 1;
    const between = this.cluster?.counts() ?? NOTHING_BETWEEN;
    return { events: this.folds.length - 1, calls: this.oracle.calls.size, steps: this.steps, phases, between };
  }
}
