import { LedgerSimulation } from './ledger-simulation';

/**
 * AIAAS_SIMULATION_SEED=17 repeats one run; AIAAS_SIMULATION_SEEDS=5000 tries more of them.
 */
const one = process.env.AIAAS_SIMULATION_SEED;
const seeds = Number(process.env.AIAAS_SIMULATION_SEEDS ?? '150');
const ACTIONS = 40;

describe('the ledger under crashes, lost answers, wrong clocks and impatient callers', () => {
  if (one !== undefined) {
    it(`keeps its rules in world ${one}`, async () => {
      const report = await new LedgerSimulation(Number(one)).run(ACTIONS);
      expect(report.calls).toBeGreaterThan(0);
    });
    return;
  }

  it(`keeps its rules in ${seeds} worlds`, async () => {
    const seen: Record<string, number> = {};
    for (let seed = 1; seed <= seeds; seed += 1) {
      const { phases } = await new LedgerSimulation(seed).run(ACTIONS);
      for (const [phase, count] of Object.entries(phases)) seen[phase] = (seen[phase] ?? 0) + count;
    }
    // A simulation in which nothing happens would prove nothing.
    const rare = ['corrected', 'by-policy', 'time-corrected'];
    for (const what of ['completed', 'failed', 'released', 'unresolved', 'resolved', 'resolved-and-settled', ...rare])
      expect([what, seen[what] ?? 0]).not.toEqual([what, 0]);
  }, 600_000);

  it('is the same world for the same seed', async () => {
    const [first, second] = [await new LedgerSimulation(4).run(ACTIONS), await new LedgerSimulation(4).run(ACTIONS)];
    expect(second).toEqual(first);
  });
});
