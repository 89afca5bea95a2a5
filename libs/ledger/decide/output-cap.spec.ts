import fc from 'fast-check';
import { ceilingCost, ceilingTokens, nanoUsd } from '#kernel';
import { given } from '#testing/given-when-then';
import { authorize, authorizedBy, decided, defineBudget, ledger, PRICES, play, type Script } from '../spec-kit';
import { authorize as authorizePure } from './authorize';

/** 100 tokens of input and an output cap; every token costs one nano-USD. */
const chat = (cap: number, outputCapSource: 'client' | 'default', outputsMax = 1) => ({
  bounds: { inputTokensMax: 100, outputTokensCap: cap, outputCapSource, outputsMax },
});
const leaving = (limit: bigint, unit: 'cost' | 'tokens' = 'cost') => defineBudget('b', { limit, unit });
const capOf = (...script: Script) => authorizedBy(...script).bounds.outputTokensCap;

describe('the output cap', () => {
  it.each(['cost', 'tokens'] as const)('by default shrinks to what is left of a budget of %s', (unit) => {
    const call = authorizedBy(leaving(150n, unit), authorize('1', chat(4_096, 'default')));
    expect(call.bounds.outputTokensCap).toBe(50);
    expect(call.holdTokens).toBe(150n);
    expect(call.holdCost).toBe(150n);
  });

  it('by default shrinks to the tightest of all blocking budgets, and to no other', () => {
    const script = [
      leaving(1_000n),
      defineBudget('t', { unit: 'tokens', limit: 130n }),
      defineBudget('w', { mode: 'warn', limit: 1n }),
      defineBudget('r', { unit: 'requests', limit: 1n }),
    ];
    expect(capOf(...script, authorize('1', chat(4_096, 'default')))).toBe(30);
  });

  it('is shared by all outputs of a call', () => {
    expect(capOf(leaving(150n), authorize('1', chat(4_096, 'default', 4)))).toBe(12);
  });

  it('is not shrunk when it fits', () => {
    const state = play([leaving(10_000n)]);
    const decision = authorizePure(authorize('1', chat(4_096, 'default')), state.state, state.now);
    expect(decision).toMatchObject({ ok: true, admission: { outputTokensCap: 4_096, capClamped: false } });
  });

  it('is not shrunk below the least useful one', () => {
    given(ledger(leaving(149n)))
      .when(authorize('1', { ...chat(4_096, 'default'), outputTokensCapMin: 50 }))
      .thenRefused('budget_exhausted');
    expect(capOf(leaving(150n), authorize('1', { ...chat(4_096, 'default'), outputTokensCapMin: 50 }))).toBe(50);
  });

  it('of a client is kept or refused, with the cap that would fit', () => {
    expect(capOf(leaving(150n), authorize('1', chat(50, 'client')))).toBe(50);
    const refused = decided(leaving(150n), authorize('1', chat(51, 'client')));
    expect(refused).toMatchObject({
      refusal: { code: 'budget_exhausted', details: { requested: 151n, capThatFits: 50 } },
    });
  });

  it('that would fit is the one that every blocking budget admits, and is not named when there is none', () => {
    const tight = defineBudget('t', { unit: 'tokens', limit: 110n });
    const refused = decided(leaving(150n), tight, authorize('1', chat(51, 'client')));
    expect(refused).toMatchObject({ refusal: { details: { capThatFits: 10 } } });
    const hopeless = decided(leaving(99n), authorize('1', chat(51, 'client')));
    expect(hopeless).toMatchObject({
      ok: false,
      refusal: { details: expect.not.objectContaining({ capThatFits: 0 }) },
    });
  });

  it('costs nothing where output has no price', () => {
    const free = { ...chat(4_096, 'default'), prices: { ...PRICES, output: nanoUsd(0n) } };
    expect(capOf(leaving(100n), authorize('1', free))).toBe(4_096);
    given(ledger(leaving(99n)))
      .when(authorize('1', free))
      .thenRefused('budget_exhausted');
  });

  it('means nothing where there is no output', () => {
    const embedding = authorizedBy(leaving(100n), authorize('1', chat(0, 'client', 0)));
    expect(embedding).toMatchObject({ holdCost: 100n, holdTokens: 100n });
    given(ledger(leaving(99n)))
      .when(authorize('1', chat(0, 'client', 0)))
      .thenRefused('budget_exhausted');
  });

  it('holds the dearest price for every token of input, cache writes included', () => {
    const dear = { ...PRICES, cacheWrite: nanoUsd(1_250_000n), cachedInput: nanoUsd(100_000n) };
    expect(authorizedBy(leaving(1_000n), authorize('1', { ...chat(0, 'client', 0), prices: dear })).holdCost).toBe(
      125n,
    );
  });

  it('whatever the numbers, is the largest that fits', () => {
    const price = fc.bigInt(0n, 3_000_000_000n).map(nanoUsd);
    const calls = fc.record({
      prices: fc.record({
        version: fc.constant(1),
        input: price,
        cachedInput: price,
        cacheWrite: price,
        output: price,
      }),
      inputTokensMax: fc.nat(1_000_000),
      outputsMax: fc.nat(8),
      cap: fc.nat(100_000),
      limit: fc.bigInt(0n, 10_000_000n),
      unit: fc.constantFrom('cost' as const, 'tokens' as const),
    });
    fc.assert(
      fc.property(calls, ({ prices, inputTokensMax, outputsMax, cap, limit, unit }) => {
        const { state, now } = play([leaving(limit, unit)]);
        const bounds = { inputTokensMax, outputTokensCap: cap, outputCapSource: 'default' as const, outputsMax };
        const command = authorize('1', { bounds, prices, outputTokensCapMin: 0 });
        const held = (tokens: number) =>
          unit === 'cost' ? ceilingCost(command.bounds, tokens, prices) : ceilingTokens(command.bounds, tokens);
        const decision = authorizePure(command, state, now);
        if (!decision.ok) return held(0) > limit;
        const { outputTokensCap: chosen } = decision.admission;
        return held(chosen) <= limit && (chosen === cap || (chosen < cap && held(chosen + 1) > limit));
      }),
      { numRuns: 500 },
    );
  });

  it('shrunk for a call is what its tokens are rated by', () => {
    const call = authorizedBy(leaving(150n), authorize('1', chat(4_096, 'default')));
    expect(call.rateTokens).toBe(50);
  });
});
