import { composeId, epochMs, type OrganizationId, usd } from '#kernel';
import { type AuthorizeCall, LedgerUnavailableError, ledgerCodec, RECORD_WAIT_MS } from '#ledger';
import { Random } from './random';
import { RecordedStore } from './recorded-store';
import { SimulatedCluster } from './simulated-cluster';
import type { SimulatedProcess } from './simulated-process';
import { VirtualTime } from './virtual-time';

const START = epochMs(Date.parse('2026-05-13T12:00:00Z'));
const METADATA = { actor: { type: 'system', id: 'load' } } as const;
const GATEWAYS = 3;
/** Each way of a near gateway takes so long, of the far one ten times so long. */
const NEAR_MS = 2;
const CALL_EVERY_MS = 25;
const WINDOW_MS = 6_000;

/** What became of one gateway's calls. */
interface Share {
  offered: number;
  recorded: number;
  unavailable: number;
  slowestMs: number;
}

class HotOrganization {
  readonly time = new VirtualTime(START);
  readonly shares: Share[] = [];
  readonly cluster: SimulatedCluster;
  readonly processes: readonly SimulatedProcess[];
  /** Authorizations that another gateway recorded for their owner. */
  recordedForOthers = 0;
  readonly store = new RecordedStore(true, (stored) => {
    const decoded = ledgerCodec.decode(stored);
    if (decoded?.event.type !== 'InferenceAuthorized') return;
    if (decoded.event.data.owner !== decoded.metadata.gateway) this.recordedForOthers += 1;
  });
  private readonly random = new Random(1);
  private readonly org: OrganizationId = composeId('org', START, this.random.bytes(10));

  constructor() {
    const weather = { isStoreDown: false, faultPercent: 0, delayMsMax: 0 };
    this.cluster = new SimulatedCluster(
      {
        time: this.time,
        random: this.random,
        weather,
        store: this.store,
        settings: {},
        nearMs: NEAR_MS,
        onHistoryChanged: () => {},
      },
      GATEWAYS,
    );
    this.processes = Array.from({ length: GATEWAYS }, (_, place) => this.cluster.start(place));
  }

  /** Steady load on all gateways at once: every call is authorized, and settled when it was. */
  async run(): Promise<readonly Share[]> {
    const limits = {
      type: 'SetLimits',
      target: { type: 'api-key', id: this.call(this.first).keyId },
      limits: {},
    } as const;
    void this.first.ledger.submit(this.org, limits, METADATA);
    await this.time.pass(500);
    for (const process of this.processes) {
      const share: Share = { offered: 0, recorded: 0, unavailable: 0, slowestMs: 0 };
      this.shares.push(share);
      this.offer(process, share, this.time.monotonicMs() + WINDOW_MS);
    }
    await this.time.pass(WINDOW_MS + RECORD_WAIT_MS + 1_000);
    return this.shares;
  }

  private get first(): SimulatedProcess {
    const [first] = this.processes;
    if (first === undefined) throw new Error('there is no gateway');
    return first;
  }

  private offer(process: SimulatedProcess, share: Share, untilMs: number): void {
    if (this.time.monotonicMs() >= untilMs) return;
    share.offered += 1;
    void this.serve(process, share);
    this.time.after(CALL_EVERY_MS, () => this.offer(process, share, untilMs));
  }

  private async serve(process: SimulatedProcess, share: Share): Promise<void> {
    const command = this.call(process);
    const askedMs = this.time.monotonicMs();
    try {
      const outcome = await process.ledger.submit(this.org, command, METADATA);
      if (!outcome.ok || outcome.events.length === 0) return;
      share.recorded += 1;
      share.slowestMs = Math.max(share.slowestMs, this.time.monotonicMs() - askedMs);
      const { callId, owner } = command;
      const trace = { attempts: [], latencyMs: 1 };
      await process.ledger.submit(
        this.org,
        { type: 'ReleaseCall', callId, owner, reason: 'served', dispatched: true, trace },
        METADATA,
      );
    } catch (error) {
      if (!(error instanceof LedgerUnavailableError)) throw error;
      share.unavailable += 1;
    }
  }

  private call({ boot }: SimulatedProcess): AuthorizeCall {
    const price = usd('0.000001');
    return {
      type: 'AuthorizeCall',
      callId: composeId('req', this.time.now(), this.random.bytes(10)),
      keyId: 'key_hot' as AuthorizeCall['keyId'],
      projectId: 'prj_hot' as AuthorizeCall['projectId'],
      model: 'chat' as AuthorizeCall['model'],
      endpoint: 'chat',
      stream: false,
      backendId: 'bkd_1' as AuthorizeCall['backendId'],
      prices: { version: 1, input: price, cachedInput: price, cacheWrite: price, output: price },
      bounds: {
        inputTokensMax: 100,
        inputTokensEstimate: 25,
        outputTokensCap: 100,
        outputCapSource: 'client',
        outputsMax: 1,
      },
      outputTokensCapMin: 1,
      owner: boot,
      dispatchWindowMs: RECORD_WAIT_MS,
      holdMs: 60_000,
    };
  }
}

describe('an organization that is hot on three gateways, one of them ten times as far away as the others', () => {
  it('starves none of them: every call of each is recorded within the patience of its caller', async () => {
    const world = new HotOrganization();
    const shares = await world.run();
    for (const { offered, recorded, unavailable, slowestMs } of shares) {
      expect([recorded, unavailable]).toEqual([offered, 0]);
      expect(slowestMs).toBeLessThan(1_000);
      expect(offered).toBeGreaterThan(200);
    }
    // The far one has been helped; by itself it loses nearly every round.
    expect(world.recordedForOthers).toBeGreaterThan(100);
  }, 300_000);

  it('would starve the far one if it could not ask the others', async () => {
    const world = new HotOrganization();
    for (const { boot } of world.processes) world.cluster.network.leave(boot);
    const far = (await world.run()).at(-1);
    // Its first call waits until nobody offers any load any more.
    expect(far?.slowestMs).toBeGreaterThan(WINDOW_MS - 1_000);
  }, 300_000);
});
