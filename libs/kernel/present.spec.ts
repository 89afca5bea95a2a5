import { present } from './present';

describe('answers of views as JSON', () => {
  it('shows money in USD, counts as decimal strings and moments in RFC 3339', () => {
    const answer = {
      cost: 12_345n,
      calls: 9_007_199_254_740_993n,
      from: 1_790_000_000_000,
      lastRotatedAt: 1_790_000_000_000,
      latencyMs: 12,
      none: undefined,
    };
    expect(present(answer, 'camel')).toEqual({
      cost: '0.000012345',
      calls: '9007199254740993',
      from: '2026-09-21T14:13:20.000Z',
      lastRotatedAt: '2026-09-21T14:13:20.000Z',
      latencyMs: 12,
    });
  });

  it('names fields as the plane does, at every depth', () => {
    expect(present({ priceVersion: 3, events: [{ eventId: 'a' }] }, 'snake')).toEqual({
      price_version: 3,
      events: [{ event_id: 'a' }],
    });
  });

  it("shows a budget's amount in its unit", () => {
    expect(
      present(
        [
          { unit: 'cost', amount: 1_000_000_000n },
          { unit: 'tokens', amount: 7n },
        ],
        'camel',
      ),
    ).toEqual([
      { unit: 'cost', amount: '1' },
      { unit: 'tokens', amount: '7' },
    ]);
  });

  it('counts the parts of what has a unit in that unit', () => {
    const history = [{ limit: 2_000_000_000n, at: 0 }];
    expect(present({ unit: 'cost', history }, 'camel')).toMatchObject({ history: [{ limit: '2' }] });
    expect(present({ unit: 'tokens', history }, 'camel')).toMatchObject({ history: [{ limit: '2000000000' }] });
    expect(present([{ settled: 5_000n }], 'camel', 'money')).toEqual([{ settled: '0.000005' }]);
  });
});
