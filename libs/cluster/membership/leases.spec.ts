import * as fc from 'fast-check';
import { TestCluster, type TestGateway } from './spec-kit';

/** A tenth of the real times, so that much happens in little. */
const settings = { beatMs: 50, freshMsMax: 200, leaseMs: 1_500, marginMs: 500 };
const STEP_MS = 40;
const GATEWAYS = 3;

/** What befalls one gateway in a step. */
const blow = fc.record({
  victim: fc.nat({ max: GATEWAYS - 1 }),
  kind: fc.constantFrom('freeze', 'thaw', 'deafen', 'hear', 'break', 'lose', 'heal', 'slow'),
  steps: fc.nat({ max: 60 }),
});
type Blow = { victim: number; kind: string; steps: number };

function befall(gateway: TestGateway, kind: string): void {
  switch (kind) {
    case 'freeze':
      gateway.freezer.isFrozen = true;
      break;
    case 'thaw':
      gateway.freezer.thaw();
      break;
    case 'deafen':
    case 'hear':
      gateway.deaf(kind === 'deafen');
      break;
    case 'break':
      gateway.fault = 'unavailable';
      break;
    case 'lose':
      gateway.fault = gateway.arrivesAfterMs % 2 === 0 ? 'answer-lost' : 'request-lost';
      break;
    case 'slow':
      gateway.arrivesAfterMs += 35;
      gateway.answersAfterMs += 90;
      break;
    default:
      gateway.fault = 'fine';
      gateway.arrivesAfterMs = 0;
      gateway.answersAfterMs = 0;
  }
}

/** Who is taken for dead although it may act. */
function wronged(gateways: readonly TestGateway[]): string[] {
  const observers = gateways.filter(({ freezer }) => !freezer.isFrozen);
  return gateways
    .filter(({ membership }) => membership.leaseHolds())
    .flatMap(({ bootId }) => observers.filter(({ membership }) => !membership.isAlive(bootId)).map(() => bootId));
}

async function play(blows: readonly Blow[]) {
  const cluster = new TestCluster();
  const gateways: TestGateway[] = [];
  for (let n = 0; n < GATEWAYS; n += 1) {
    const gateway = cluster.gateway({ settings });
    gateway.follow();
    void gateway.membership.start().catch(() => undefined);
    gateways.push(gateway);
  }
  const mistakes: string[] = [];
  for (const { victim, kind, steps } of blows) {
    const gateway = gateways[victim];
    if (gateway !== undefined) befall(gateway, kind);
    for (let step = 0; step <= steps; step += 1) {
      await cluster.time.pass(STEP_MS);
      mistakes.push(...wronged(gateways));
    }
  }
  return { cluster, gateways, mistakes };
}

jest.setTimeout(120_000);

describe('leases, whatever befalls the gateways', () => {
  it('nobody who may act is taken for dead by anybody', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(blow, { minLength: 4, maxLength: 14 }), async (blows) => {
        const { mistakes } = await play(blows);
        expect(mistakes).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });

  it('once all is well again, everybody may act and knows everybody, and nobody has died by mistake for good', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(blow, { maxLength: 10 }), async (blows) => {
        const { cluster, gateways } = await play(blows);
        for (const gateway of gateways) for (const kind of ['thaw', 'hear', 'heal']) befall(gateway, kind);
        await cluster.time.pass(1_000);
        const boots = gateways.map(({ bootId }) => bootId).toSorted();
        for (const { membership } of gateways) {
          expect(membership.leaseHolds()).toBe(true);
          expect(membership.isFresh()).toBe(true);
          expect(membership.living()).toEqual(boots);
        }
      }),
      { numRuns: 20 },
    );
  });

  it('one that never comes back is given up by all others', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(blow, { maxLength: 10 }), async (blows) => {
        const { cluster, gateways } = await play(blows);
        for (const gateway of gateways) for (const kind of ['thaw', 'hear', 'heal']) befall(gateway, kind);
        await cluster.time.pass(1_000);
        const [lost, ...others] = gateways;
        if (lost === undefined) throw new Error('there are gateways');
        lost.freezer.isFrozen = true;
        await cluster.time.pass(settings.leaseMs + 200);
        for (const { membership, deaths } of others) {
          expect(membership.isAlive(lost.bootId)).toBe(false);
          expect(deaths).toContain(lost.bootId);
        }
      }),
      { numRuns: 10 },
    );
  });
});
