import { LedgerSimulation } from './ledger-simulation';

/**
 * AIAAS_SIMULATION_SEED=17 repeats one run; AIAAS_SIMULATION_SEEDS=5000 tries more of them.
 */
const one = process.env.AIAAS_SIMULATION_SEED;
const seeds = Number(process.env.AIAAS_SIMULATION_SEEDS ?? '60');
const ACTIONS = 40;
const GATEWAYS = { gateways: 3 };

describe('one ledger of three gateways that crash, pause, and hear each other badly', () => {
  if (one !== undefined) {
    it(`keeps its rules in world ${one}`, async () => {
      const report = await new LedgerSimulation(Number(one), GATEWAYS).run(ACTIONS);
      expect(report.calls).toBeGreaterThan(0);
    });
    return;
  }

  it(`keeps its rules in ${seeds} worlds`, async () => {
    const seen: Record<string, number> = {};
    for (let seed = 1; seed <= seeds; seed += 1) {
      const { phases, between } = await new LedgerSimulation(seed, GATEWAYS).run(ACTIONS);
      for (const [name, count] of Object.entries({ ...phases, ...between })) seen[name] = (seen[name] ?? 0) + count;
    }
    // A simulation in which gateways never get into each other's way would prove nothing.
    const names = [
      ...['completed', 'failed', 'released', 'unresolved', 'resolved', 'resolved-and-settled'],
      ...['conflicts', 'forwards', 'lostForwards', 'recordedForOthers', 'pauses', 'expiriesOfLiving'],
    ];
    expect(names.filter((name) => (seen[name] ?? 0) === 0)).toEqual([]);
  }, 600_000);

  it('is the same world for the same seed', async () => {
    const run = () => new LedgerSimulation(4, GATEWAYS).run(ACTIONS);
    const [first, second] = [await run(), await run()];
    expect(second).toEqual(first);
  });
});
