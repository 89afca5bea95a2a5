import { nanoUsd, usd } from '#kernel';
import { given } from '#testing/given-when-then';
import {
  abandon,
  authorize,
  authorizedBy,
  byPolicy,
  choosePolicy,
  decided,
  defineBudget,
  key,
  ledger,
  play,
  resolve,
  setLimits,
} from '../spec-kit';
import { authorize as authorizePure } from './authorize';

/** 100 tokens of input and an output cap; every token costs one nano-USD. */
const chat = (cap: number, outputCapSource: 'client' | 'default') => ({
  bounds: { inputTokensMax: 100, outputTokensCap: cap, outputCapSource, outputsMax: 1 },
});
const nano = (amount: number) => nanoUsd(BigInt(amount));

describe('the ceiling of one call', () => {
  it('refuses a call that asks for more, and says what would fit', () => {
    expect(decided(setLimits({ callCostMax: nano(150) }), authorize('1', chat(51, 'client')))).toMatchObject({
      refusal: {
        code: 'call_cost_limit_exceeded',
        details: { scope: 'api-key', limit: 150n, requested: 151n, capThatFits: 50 },
      },
    });
    expect(decided(setLimits({ callCostMax: nano(150) }), authorize('1', chat(50, 'client'))).ok).toBe(true);
    expect(decided(setLimits({ callCostMax: nano(99) }), authorize('1', chat(1, 'client')))).not.toHaveProperty(
      'refusal.details.capThatFits',
    );
  });

  it('shrinks a default cap, as a budget does, and no further than the tightest of both', () => {
    const limits = setLimits({ callCostMax: nano(150) });
    expect(authorizedBy(limits, authorize('1', chat(4_096, 'default')))).toMatchObject({
      bounds: { outputTokensCap: 50 },
      holdCost: 150n,
    });
    const tighter = defineBudget('b', { limit: 130n });
    expect(authorizedBy(limits, tighter, authorize('1', chat(4_096, 'default'))).bounds.outputTokensCap).toBe(30);
    const { state, now } = play([limits]);
    expect(authorizePure(authorize('1', chat(4_096, 'default')), state, now)).toMatchObject({
      admission: { outputTokensCap: 50, capClamped: true },
    });
    given(ledger(limits))
      .when(authorize('1', { ...chat(4_096, 'default'), outputTokensCapMin: 51 }))
      .thenRefused('call_cost_limit_exceeded');
  });

  it('is the stricter of the key’s and the organization’s', () => {
    const of = (own: number, organization: number) =>
      decided(
        setLimits({ callCostMax: nano(own) }),
        setLimits({ callCostMax: nano(organization) }, 'organization'),
        authorize('1', chat(1_000, 'client')),
      );
    expect(of(150, 200)).toMatchObject({ refusal: { details: { scope: 'api-key', limit: 150n } } });
    expect(of(200, 150)).toMatchObject({ refusal: { details: { scope: 'organization', limit: 150n } } });
  });

  it('of 0 lets through what costs nothing', () => {
    const free = { ...chat(0, 'client'), prices: { ...authorize('1').prices, input: nano(0), output: nano(0) } };
    const none = { ...free.prices, cachedInput: nano(0), cacheWrite: nano(0) };
    expect(decided(setLimits({ callCostMax: nano(0) }), authorize('1', { ...free, prices: none })).ok).toBe(true);
  });
});

describe('the ceiling of what a key has unresolved', () => {
  const half = [authorize('1', { ceiling: usd('0.5') }), abandon('1', usd('0.1'))];
  const limits = setLimits({ unresolvedCostMax: usd('0.5') });

  it('once reached admits no further call of the key, until it is resolved', () => {
    expect(decided(limits, ...half, authorize('2'))).toMatchObject({
      refusal: {
        code: 'unresolved_limit_exceeded',
        details: { scope: 'api-key', limit: usd('0.5'), unresolved: usd('0.5') },
      },
    });
    expect(decided(limits, ...half, resolve('1', usd('0.5')), authorize('2')).ok).toBe(true);
    expect(decided(limits, ...half, choosePolicy('counted', 0), byPolicy('1'), authorize('2')).ok).toBe(true);
    expect(decided(setLimits({ unresolvedCostMax: usd('0.51') }), ...half, authorize('2')).ok).toBe(true);
  });

  it('is each key’s own, also where the organization sets it', () => {
    const ofAll = setLimits({ unresolvedCostMax: usd('0.5') }, 'organization');
    given(ledger(ofAll, ...half))
      .when(authorize('2'))
      .thenRefused('unresolved_limit_exceeded');
    expect(decided(ofAll, ...half, authorize('2', { keyId: key('b') })).ok).toBe(true);
  });

  it('of 0 admits calls while nothing is unresolved', () => {
    expect(decided(setLimits({ unresolvedCostMax: nano(0) }), authorize('1')).ok).toBe(true);
  });
});

describe('limits of cost', () => {
  it('are not negative', () => {
    for (const limits of [{ callCostMax: usd('-1') }, { unresolvedCostMax: usd('-0.000000001') }])
      given(ledger()).when(setLimits(limits)).thenRefused('limits_invalid');
  });

  it('are set with the others, once', () => {
    const target = { type: 'api-key', id: key('a') } as const;
    given(ledger())
      .when(setLimits({ concurrency: 3, callCostMax: usd('1') }))
      .then({ type: 'LimitsSet', data: { target, limits: { concurrency: 3, callCostMax: usd('1') } } })
      .andNothingWhenRepeated();
    given(ledger(setLimits({ concurrency: 3, callCostMax: usd('1') })))
      .when(setLimits({ concurrency: 3 }))
      .then({ type: 'LimitsSet', data: { target, limits: { concurrency: 3 } } });
  });
});
