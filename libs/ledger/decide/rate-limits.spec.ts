import fc from 'fast-check';
import type { EventId } from '#kernel';
import { epochMs, usd } from '#kernel';
import { given } from '#testing/given-when-then';
import { evolve } from '../evolve';
import {
  abandon,
  authorize,
  complete,
  decided,
  fail,
  key,
  later,
  ledger,
  MINUTE_MS,
  play,
  release,
  resolve,
  type Script,
  SECOND_MS,
  setLimits,
} from '../spec-kit';
import { bucketKey } from '../state';
import { limitsTag } from '../tags';
import { rateViews } from '../views';
import { decide } from '.';

function calls(count: number, from = 0): Script {
  return Array.from({ length: count }, (_, i) => authorize(`${from + i}`, { ceiling: usd('0') }));
}
const free = (name: string) => authorize(name, { ceiling: usd('0') });
const left = (unit: 'requests' | 'tokens', ...script: Script) => {
  const { state, now } = play(script);
  return rateViews(state, key('a'), now).find((view) => view.unit === unit)?.remaining;
};

describe('a limit of requests', () => {
  const limited = setLimits({ requestsPerMinute: 60, burst: 3 });

  it('lets a burst pass, then one per refill', () => {
    given(ledger(limited, ...calls(3)))
      .when(free('more'))
      .thenRefused('rate_limit_exceeded', {
        scope: 'api-key',
        unit: 'requests',
        limit: 60,
        remaining: 0,
        requested: 1,
        retryAfterMs: 1_000,
      });
    given(ledger(limited, ...calls(3), later(999)))
      .when(free('more'))
      .thenRefused('rate_limit_exceeded');
    expect(decided(limited, ...calls(3), later(SECOND_MS), free('more')).ok).toBe(true);
  });

  it('holds no more than its burst, however long it was quiet', () => {
    expect(left('requests', limited, ...calls(3), later(60 * MINUTE_MS))).toBe(3);
  });

  it('is 100 a minute with a burst of 200 for a key that nobody has limited; burst defaults to twice the rate', () => {
    expect(left('requests')).toBe(200);
    expect(left('requests', setLimits({ requestsPerMinute: 7 }))).toBe(14);
    expect(left('requests', setLimits({}))).toBeUndefined();
  });

  it('of the organization counts every key’s calls', () => {
    const shared = setLimits({ requestsPerMinute: 60, burst: 2 }, 'organization');
    given(ledger(shared, free('1'), authorize('2', { keyId: key('b') })))
      .when(authorize('3', { keyId: key('c') }))
      .thenRefused('rate_limit_exceeded', {
        scope: 'organization',
        unit: 'requests',
        limit: 60,
        remaining: 0,
        requested: 1,
        retryAfterMs: 1_000,
      });
  });

  it('gives back what was released before dispatch, and nothing else', () => {
    expect(left('requests', limited, free('1'), release('1'))).toBe(3);
    expect(left('requests', limited, free('1'), release('1', { dispatched: true }))).toBe(2);
    expect(left('requests', limited, free('1'), fail('1', 'never'))).toBe(2);
    expect(left('requests', limited, free('1'), complete('1', usd('0')))).toBe(2);
  });

  it('of nothing admits nothing and asks for the longest wait', () => {
    given(ledger(setLimits({ requestsPerMinute: 0, burst: 0 })))
      .when(free('1'))
      .thenRefused('rate_limit_exceeded', {
        scope: 'api-key',
        unit: 'requests',
        limit: 0,
        remaining: 0,
        requested: 1,
        retryAfterMs: 60_000,
      });
  });

  it('never lets more pass in any time than burst and refill allow', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(3_000), { maxLength: 60 }), (gaps) => {
        let { state, now } = play([limited]);
        const admitted: number[] = [];
        for (const [i, gap] of gaps.entries()) {
          now = epochMs(now + gap);
          const decision = decide(free(`${i}`), state, { now });
          if (decision.ok) admitted.push(now);
          for (const event of decision.events) state = evolve(state, { id: '' as EventId, event, at: now });
        }
        return admitted.every((from, i) =>
          admitted.slice(i).every((to, j) => j + 1 <= 3 + Math.ceil((to - from) / 1_000)),
        );
      }),
    );
  });
});

describe('a limit of tokens', () => {
  const limited = setLimits({ tokensPerMinute: 600 });
  const chat = (name: string, estimate: number, cap = 0) =>
    authorize(name, { bounds: { inputTokensEstimate: estimate, outputTokensCap: cap, outputsMax: 1 } });
  const used = (name: string, input: number) =>
    complete(name, usd('0'), { usage: { input, cachedInput: 0, cacheWrite: 0, output: 0 } });

  it('takes the estimate and the cap', () => {
    expect(left('tokens', limited, chat('1', 100, 50))).toBe(450);
    given(ledger(limited, chat('1', 600)))
      .when(chat('2', 10))
      .thenRefused('rate_limit_exceeded', {
        scope: 'api-key',
        unit: 'tokens',
        limit: 600,
        remaining: 0,
        requested: 10,
        retryAfterMs: 1_000,
      });
  });

  it('is corrected by the settlement, in both directions', () => {
    expect(left('tokens', limited, chat('1', 500), used('1', 100))).toBe(500);
    expect(left('tokens', limited, chat('1', 100), used('1', 500))).toBe(100);
  });

  it('gives back no more than fits', () => {
    expect(left('tokens', limited, chat('1', 500), later(MINUTE_MS), used('1', 0))).toBe(600);
  });

  it('takes of a call larger than itself all it holds, and gives back no more than that', () => {
    expect(decided(limited, chat('1', 100_000)).ok).toBe(true);
    expect(left('tokens', limited, chat('1', 100_000))).toBe(0);
    expect(left('tokens', limited, chat('1', 100_000), used('1', 500))).toBe(100);
    given(ledger(limited, chat('1', 60)))
      .when(chat('2', 100_000))
      .thenRefused('rate_limit_exceeded', {
        scope: 'api-key',
        unit: 'tokens',
        limit: 600,
        remaining: 540,
        requested: 600,
        retryAfterMs: 6_000,
      });
  });

  it('may fall below zero when a call used more than it seemed, and is then waited out', () => {
    const overdrawn = [limited, chat('1', 500), chat('2', 100), used('1', 600)];
    expect(left('tokens', ...overdrawn)).toBe(0);
    expect(decided(...overdrawn, chat('3', 10))).toMatchObject({ refusal: { details: { retryAfterMs: 11_000 } } });
  });

  it('gives everything back for a call that cost nothing, and keeps the estimate of an unresolved one', () => {
    expect(left('tokens', limited, chat('1', 500), release('1'))).toBe(600);
    expect(left('tokens', limited, chat('1', 500), fail('1', 'never'))).toBe(600);
    expect(left('tokens', limited, chat('1', 500), abandon('1'))).toBe(100);
    expect(left('tokens', limited, chat('1', 500), abandon('1'), resolve('1', usd('0')))).toBe(100);
  });
});

describe('full buckets', () => {
  it('leave the state, since an absent bucket is full', () => {
    const quiet = play([setLimits({ requestsPerMinute: 60, burst: 3 }), free('1'), later(2 * MINUTE_MS)]);
    expect(quiet.state.buckets.has(bucketKey('requests', key('a')))).toBe(true);
    const other = decide(authorize('2', { keyId: key('b') }), quiet.state, quiet);
    const after = other.events.reduce(
      (state, event) => evolve(state, { id: '' as EventId, event, at: quiet.now }),
      quiet.state,
    );
    expect([...after.buckets.keys()]).toEqual([bucketKey('requests', key('b'))]);
  });
});

describe('concurrency', () => {
  it('counts a key’s open calls, ten by default', () => {
    given(ledger(...calls(10)))
      .when(free('more'))
      .thenRefused('concurrency_limit_exceeded', {
        scope: 'api-key',
        unit: 'concurrency',
        limit: 10,
        remaining: 0,
        requested: 1,
        retryAfterMs: 1_000,
      });
    expect(decided(...calls(10), authorize('other', { keyId: key('b') })).ok).toBe(true);
  });

  it.each([complete('0', usd('0')), release('0'), fail('0', 'never'), fail('0', 'unknown'), abandon('0')])(
    'has room again after %j',
    (ending) => {
      expect(decided(...calls(10), ending, free('more')).ok).toBe(true);
    },
  );

  it('of the organization counts all keys’', () => {
    given(ledger(setLimits({ concurrency: 2 }, 'organization'), free('1'), authorize('2', { keyId: key('b') })))
      .when(authorize('3', { keyId: key('c') }))
      .thenRefused('concurrency_limit_exceeded');
  });
});

describe('setting limits', () => {
  it('refuses an editor who has seen other limits', () => {
    const seen = limitsTag({ concurrency: 10 });
    const set = setLimits({ concurrency: 10 });
    given(ledger(set))
      .when({ ...setLimits({ concurrency: 1 }), ifMatch: ['other'] })
      .thenRefused('definition_stale');
    expect(decided(set, { ...setLimits({ concurrency: 1 }), ifMatch: [seen] }).ok).toBe(true);
  });

  it('is recorded, even where it equals the default, and decides nothing when repeated', () => {
    given(ledger())
      .when(setLimits({ requestsPerMinute: 100, burst: 200, concurrency: 10 }))
      .then({
        type: 'LimitsSet',
        data: {
          target: { type: 'api-key', id: key('a') },
          limits: { requestsPerMinute: 100, burst: 200, concurrency: 10 },
        },
      })
      .andNothingWhenRepeated();
    given(ledger()).when(setLimits({}, 'organization')).thenNothing();
  });

  it('refuses numbers that are none', () => {
    for (const concurrency of [-1, 0.5, Number.NaN, 1e12])
      given(ledger()).when(setLimits({ concurrency })).thenRefused('limits_invalid');
    given(ledger())
      .when(setLimits({ burst: 5 }))
      .thenRefused('limits_invalid');
  });
});
