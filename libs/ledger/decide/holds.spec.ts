import { nanoUsd, usd } from '#kernel';
import { given } from '#testing/given-when-then';
import {
  abandon,
  authorize,
  authorizedBy,
  backend,
  boot,
  call,
  complete,
  counted,
  decided,
  defineBudget,
  expire,
  fail,
  HOUR_MS,
  key,
  later,
  ledger,
  MINUTE_MS,
  model,
  NOON,
  PRICES,
  play,
  project,
  release,
  resolve,
  type Script,
  SECOND_MS,
  trace,
} from '../spec-kit';

const subject = {
  callId: call('1'),
  keyId: key('a'),
  projectId: project('a'),
  model: model('echo'),
  endpoint: 'chat',
} as const;
const upstream = { ...subject, ...trace, attempts: [], authorizedAt: NOON };
const held = [defineBudget('b'), authorize('1', { ceiling: usd('1') })] as const;
const unresolved = [...held, abandon('1', usd('0.25'))] as const;
const resolved = [...unresolved, resolve('1', usd('0.5'))] as const;
const nothing = { held: 0n, settled: 0n, unresolved: 0n };
const completed = {
  ...upstream,
  stream: false,
  outcome: 'complete',
  finishReason: 'stop',
  certainty: 'reported',
  priceVersion: 1,
} as const;
const tokens = (input: number) => ({ input, cachedInput: 0, cacheWrite: 0, output: 0 });

describe('an authorization', () => {
  it('names its owner, its deadlines and everything that it may cost', () => {
    expect(authorizedBy(...held)).toMatchObject({
      ...subject,
      owner: boot('a'),
      dispatchBy: NOON + 10 * SECOND_MS,
      deadline: NOON + 15 * MINUTE_MS,
      prices: PRICES,
      holdCost: usd('1'),
      holdTokens: 1_000_000_000n,
    });
  });

  it('repeated while the call runs decides nothing, afterwards it is refused', () => {
    given(ledger(...held))
      .when(authorize('1'))
      .thenNothing();
    for (const ended of [[...held, complete('1', usd('1'))], [...held, release('1')], unresolved, resolved])
      given(ledger(...ended))
        .when(authorize('1'))
        .thenRefused('duplicate_call');
  });

  it('records no more of a price list or of bounds than belongs there', () => {
    const priceVersion = { ...PRICES, effectiveFrom: NOON };
    expect(authorizedBy(authorize('1', { prices: priceVersion })).prices).toEqual(PRICES);
  });

  it('must be made of whole numbers, or the record could not be read again', () => {
    for (const inputTokensMax of [1.5, -1, Number.NaN, 2 ** 53])
      given(ledger())
        .when(authorize('1', { bounds: { inputTokensMax } }))
        .thenRefused('call_invalid');
    given(ledger())
      .when(authorize('1', { prices: { ...PRICES, output: nanoUsd(-1n) } }))
      .thenRefused('call_invalid');
    given(ledger())
      .when(authorize('1', { holdMs: 0.5 }))
      .thenRefused('call_invalid');
    const vast = { outputTokensCap: Number.MAX_SAFE_INTEGER, outputsMax: 9 };
    expect(Number.isSafeInteger(authorizedBy(authorize('1', { bounds: vast })).rateTokens)).toBe(true);
  });
});

describe('a settlement', () => {
  it('charges what the tokens cost and releases the rest', () => {
    given(ledger(...held))
      .when(complete('1', usd('0.25')))
      .then({
        type: 'InferenceCompleted',
        data: {
          ...completed,
          usage: tokens(250_000_000),
          actual: usd('0.25'),
          charged: usd('0.25'),
          excess: usd('0'),
          late: false,
        },
      })
      .andNothingWhenRepeated();
    expect(counted(play([...held, complete('1', usd('0.25'))]))).toEqual({ ...nothing, settled: usd('0.25') });
  });

  it('says that no backend was asked where the answer came from the cache', () => {
    given(ledger(...held))
      .when(complete('1', usd('0.25'), { servedFrom: 'cache' }))
      .then({
        type: 'InferenceCompleted',
        data: {
          ...completed,
          usage: tokens(250_000_000),
          actual: usd('0.25'),
          charged: usd('0.25'),
          excess: usd('0'),
          servedFrom: 'cache',
          late: false,
        },
      });
  });

  it('beyond the hold charges the hold and records the excess', () => {
    const { events } = decided(...held, complete('1', usd('1.5')));
    expect(events[0]).toMatchObject({ data: { actual: usd('1.5'), charged: usd('1'), excess: usd('0.5') } });
    expect(counted(play([...held, complete('1', usd('1.5'))]))).toEqual({ ...nothing, settled: usd('1') });
  });

  it('uses the prices of the hold, bucket by bucket, rounded up once', () => {
    const prices = {
      version: 7,
      input: nanoUsd(1n),
      cachedInput: nanoUsd(10n),
      cacheWrite: nanoUsd(100n),
      output: nanoUsd(1_000_000n),
    };
    const priced = authorize('1', { prices, bounds: { inputTokensMax: 100, outputTokensCap: 10, outputsMax: 1 } });
    const usage = { input: 1, cachedInput: 1, cacheWrite: 1, output: 3 };
    expect(decided(priced, complete('1', usd('0'), { usage })).events[0]).toMatchObject({
      data: { actual: 4n, charged: 4n, priceVersion: 7 },
    });
  });

  it('is refused for token counts that cannot be', () => {
    for (const input of [-1, 0.5, Number.NaN, 2 ** 53])
      given(ledger(...held))
        .when(complete('1', usd('0'), { usage: tokens(input) }))
        .thenRefused('usage_invalid');
  });

  it('of a call that nobody knows is refused; of one that was let go uncharged too, since it would be lost', () => {
    given(ledger())
      .when(complete('1', usd('1')))
      .thenRefused('call_not_found');
    for (const ending of [release('1'), fail('1', 'never')])
      given(ledger(...held, ending))
        .when(complete('1', usd('1')))
        .thenRefused('call_not_open');
  });

  it('makes clocks’ fractions and negative times whole', () => {
    const odd = {
      attempts: [{ backendId: backend, totalMs: -3, firstByteMs: 0.4 }],
      latencyMs: 12.6,
      firstByteMs: NaN,
    };
    expect(decided(...held, complete('1', usd('1'), { trace: odd })).events[0]).toMatchObject({
      data: { attempts: [{ backendId: backend, totalMs: 0, firstByteMs: 0 }], latencyMs: 13, firstByteMs: 0 },
    });
  });
});

describe('a release', () => {
  it('gives everything back', () => {
    given(ledger(...held))
      .when(release('1'))
      .then({ type: 'InferenceReleased', data: { ...upstream, reason: 'connect failed', dispatched: false } })
      .andNothingWhenRepeated();
    expect(counted(play([...held, release('1')]))).toEqual(nothing);
  });

  it('is the owner’s alone', () => {
    given(ledger(...held))
      .when(release('1', { owner: boot('other') }))
      .thenRefused('not_the_owner');
  });

  it('comes too late for an unresolved or resolved call', () => {
    for (const script of [unresolved, resolved])
      given(ledger(...script))
        .when(release('1'))
        .thenRefused('call_not_open');
    given(ledger()).when(release('1')).thenRefused('call_not_found');
  });
});

describe('a failure', () => {
  it('that is never billed costs nothing', () => {
    given(ledger(...held))
      .when(fail('1', 'never'))
      .then({
        type: 'InferenceFailed',
        data: { ...upstream, stream: false, error: 'backend_error', billed: 'never' },
      })
      .andNothingWhenRepeated();
    expect(counted(play([...held, fail('1', 'never')]))).toEqual(nothing);
  });

  it('of which nobody knows whether it is billed counts at the ceiling', () => {
    const failed = play([...held, fail('1', 'unknown')]);
    expect(counted(failed)).toEqual({ ...nothing, unresolved: usd('1') });
    given(ledger(...held, fail('1', 'unknown')))
      .when(fail('1', 'unknown'))
      .thenNothing();
    given(ledger()).when(fail('1', 'never')).thenRefused('call_not_found');
  });
});

describe('an expiry', () => {
  it('waits for the deadline', () => {
    given(ledger(...held, later(15 * MINUTE_MS - 1)))
      .when(expire('1'))
      .thenRefused('deadline_not_passed');
    given(ledger(...held, later(15 * MINUTE_MS)))
      .when(expire('1'))
      .then({
        type: 'InferenceUnresolved',
        data: { ...upstream, latencyMs: 0, reason: 'deadline', holdCost: usd('1') },
      })
      .andNothingWhenRepeated();
  });

  it('does not wait where the owner is dead', () => {
    given(ledger(...held))
      .when(expire('1', 'owner-dead'))
      .then({
        type: 'InferenceUnresolved',
        data: { ...upstream, latencyMs: 0, reason: 'owner-dead', holdCost: usd('1') },
      })
      .andNothingWhenRepeated();
    expect(counted(play([...held, expire('1', 'owner-dead')]))).toEqual({ ...nothing, unresolved: usd('1') });
  });

  it('of a call that has ended decides nothing', () => {
    given(ledger(...held, complete('1', usd('1')), later(HOUR_MS)))
      .when(expire('1'))
      .thenNothing();
    given(ledger()).when(expire('1')).thenNothing();
  });
});

describe('an unresolved call', () => {
  it('keeps what was counted for whoever resolves it', () => {
    given(ledger(...held))
      .when(abandon('1', usd('0.25')))
      .then({
        type: 'InferenceUnresolved',
        data: {
          ...upstream,
          reason: 'client left',
          holdCost: usd('1'),
          counted: { usage: tokens(250_000_000), cost: usd('0.25') },
        },
      })
      .andNothingWhenRepeated();
    expect(counted(play(unresolved))).toEqual({ ...nothing, unresolved: usd('1') });
  });

  it('is settled late, once, at its true cost', () => {
    given(ledger(...unresolved))
      .when(complete('1', usd('0.75')))
      .then({
        type: 'InferenceCompleted',
        data: {
          ...completed,
          usage: tokens(750_000_000),
          actual: usd('0.75'),
          charged: usd('0.75'),
          excess: usd('0'),
          late: true,
        },
      })
      .andNothingWhenRepeated();
    expect(counted(play([...unresolved, complete('1', usd('0.75'))]))).toEqual({ ...nothing, settled: usd('0.75') });
  });

  it('is resolved by an event at the given cost, once', () => {
    given(ledger(...unresolved))
      .when(resolve('1', usd('0.5')))
      .then({
        type: 'InferenceResolved',
        data: {
          ...subject,
          authorizedAt: NOON,
          source: 'operator',
          reason: 'invoice',
          cost: usd('0.5'),
          charged: usd('0.5'),
          excess: usd('0'),
          tokens: 250_000_000n,
        },
      })
      .andNothingWhenRepeated();
    expect(counted(play(resolved))).toEqual({ ...nothing, settled: usd('0.5') });
  });

  it('resolved above its hold charges the hold; the rest is an excess', () => {
    expect(decided(...unresolved, resolve('1', usd('3'))).events[0]).toMatchObject({
      data: { cost: usd('3'), charged: usd('1'), excess: usd('2') },
    });
  });

  it('resolved without token counts takes none for a cost of 0, the counted ones, else the ceiling', () => {
    const tokensOf = (...script: Script) => decided(...script).events[0]?.data;
    expect(tokensOf(...unresolved, resolve('1', usd('0')))).toMatchObject({ tokens: 0n });
    expect(tokensOf(...unresolved, resolve('1', usd('1')))).toMatchObject({ tokens: 250_000_000n });
    expect(tokensOf(...held, abandon('1'), resolve('1', usd('1')))).toMatchObject({ tokens: 1_000_000_000n });
    expect(tokensOf(...unresolved, resolve('1', usd('1'), 7n))).toMatchObject({ tokens: 7n });
  });

  it('is not resolved while it runs, below nothing, or when nobody knows it', () => {
    given(ledger(...held))
      .when(resolve('1', usd('1')))
      .thenRefused('call_not_unresolved');
    given(ledger(...unresolved))
      .when(resolve('1', usd('-1')))
      .thenRefused('usage_invalid');
    given(ledger())
      .when(resolve('1', usd('1')))
      .thenRefused('call_not_found');
  });
});

describe('a settlement after a resolve', () => {
  it('is recorded with its true cost, and moves no money', () => {
    given(ledger(...resolved))
      .when(complete('1', usd('0.75')))
      .then({
        type: 'InferenceCompleted',
        data: {
          ...completed,
          usage: tokens(750_000_000),
          actual: usd('0.75'),
          charged: usd('0'),
          excess: usd('0'),
          late: true,
        },
      })
      .andNothingWhenRepeated();
    expect(counted(play([...resolved, complete('1', usd('0.75'))]))).toEqual({ ...nothing, settled: usd('0.5') });
  });

  it('is recorded once, as long as the resolve is remembered', () => {
    given(ledger(...resolved, complete('1', usd('0.75')), later(HOUR_MS)))
      .when(complete('1', usd('0.75')))
      .thenNothing();
    given(ledger(...resolved, complete('1', usd('0.75')), later(HOUR_MS)))
      .when(resolve('1', usd('0.5')))
      .thenNothing();
    given(ledger(...resolved, complete('1', usd('0.75')), later(40 * 24 * HOUR_MS)))
      .when(complete('1', usd('0.75')))
      .thenNothing();
    given(ledger(...resolved, later(46 * 24 * HOUR_MS)))
      .when(complete('1', usd('0.75')))
      .thenRefused('call_not_found');
  });

  it('still tells of an excess, since the bound was none', () => {
    expect(decided(...resolved, complete('1', usd('1.5'))).events[0]).toMatchObject({
      data: { charged: 0n, excess: usd('0.5') },
    });
  });

  it('is no failure’s or abandonment’s business any more', () => {
    given(ledger(...resolved))
      .when(fail('1', 'unknown'))
      .thenNothing();
    given(ledger(...resolved))
      .when(abandon('1'))
      .thenNothing();
  });
});
