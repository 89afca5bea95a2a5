import { usd } from '#kernel';
import { given } from '#testing/given-when-then';
import {
  abandon,
  at,
  authorize,
  budget,
  byPolicy,
  call,
  changeBudget,
  choosePolicy,
  complete,
  counted,
  decided,
  defineBudget,
  expire,
  fail,
  HOUR_MS,
  instant,
  key,
  later,
  ledger,
  MINUTE_MS,
  model,
  NOON,
  play,
  project,
  resolve,
  resolveAll,
  type Script,
  usageOf,
} from '../spec-kit';

const DAY_MS = 24 * HOUR_MS;
const dailyBudget = defineBudget('b', { period: 'daily', limit: usd('10'), mode: 'notify', thresholds: [50] });
const lost: Script = [dailyBudget, authorize('1', { ceiling: usd('8') }), abandon('1', usd('2'))];

function eventsOf(...script: Script) {
  return decided(...script).events;
}

describe('a resolve with another cost', () => {
  const resolved: Script = [...lost, resolve('1', usd('2'))];

  it('is a correction, with both costs, and what it changes in the budgets of the call', () => {
    given(ledger(...resolved))
      .when(resolve('1', usd('3')))
      .then({
        type: 'InferenceCorrected',
        data: {
          callId: call('1'),
          keyId: key('a'),
          projectId: project('a'),
          model: model('echo'),
          endpoint: 'chat',
          authorizedAt: NOON,
          source: 'operator',
          reason: 'invoice',
          counted: { usage: usageOf(usd('2')), cost: usd('2') },
          before: { cost: usd('2'), charged: usd('2'), excess: usd('0'), tokens: 2_000_000_000n },
          cost: usd('3'),
          charged: usd('3'),
          excess: usd('0'),
          tokens: 2_000_000_000n,
          adjustments: [
            { budgetId: budget('b'), from: instant('2026-05-13T00:00:00Z'), unit: 'cost', amount: usd('1') },
          ],
        },
      })
      .andNothingWhenRepeated();
    expect(counted(play([...resolved, resolve('1', usd('3'))]))).toMatchObject({ settled: usd('3'), unresolved: 0n });
  });

  it('gives back what was too much, never below nothing', () => {
    expect(eventsOf(...resolved, resolve('1', usd('0')))).toMatchObject([
      { data: { charged: 0n, tokens: 0n, adjustments: [{ amount: -usd('2') }] } },
    ]);
    expect(counted(play([...resolved, resolve('1', usd('0'))]))).toMatchObject({ settled: 0n });
    given(ledger(...resolved))
      .when(resolve('1', usd('-1')))
      .thenRefused('usage_invalid');
  });

  it('above the hold charges the hold; the rest is an excess', () => {
    expect(eventsOf(...resolved, resolve('1', usd('9')))[0]).toMatchObject({
      data: { cost: usd('9'), charged: usd('8'), excess: usd('1') },
    });
  });

  it('reaches thresholds, and a budget that it takes beyond its limit admits no further call', () => {
    // What was unresolved had reached them all; another limit forgets those that what is settled does not.
    expect(eventsOf(...resolved, changeBudget('b', { limit: usd('11') }), resolve('1', usd('6')))).toMatchObject([
      { type: 'InferenceCorrected' },
      { type: 'BudgetThresholdReached', data: { threshold: 50, spent: usd('6') } },
    ]);
    const blocking = defineBudget('b', { limit: usd('9') });
    const script = [blocking, ...lost.slice(1), resolve('1', usd('1')), authorize('2', { ceiling: usd('7') })];
    const full = [...script, complete('2', usd('7')), resolve('1', usd('8'))];
    expect(counted(play(full))).toMatchObject({ settled: usd('15') });
    given(ledger(...full))
      .when(authorize('3', { ceiling: usd('0.1') }))
      .thenRefused('budget_exhausted');
  });

  it('adjusts the period that the call belongs to, not the one in which it comes', () => {
    const nextDay: Script = [...resolved, at('2026-05-14T12:00:00Z'), authorize('2', { ceiling: usd('1') })];
    expect(eventsOf(...nextDay, resolve('1', usd('3')))[0]).toMatchObject({
      data: { adjustments: [{ from: instant('2026-05-13T00:00:00Z'), amount: usd('1') }] },
    });
    expect(counted(play([...nextDay, resolve('1', usd('3'))]))).toMatchObject({ settled: 0n, held: usd('1') });
  });

  it('is possible for weeks, and not for ever', () => {
    expect(eventsOf(...resolved, later(44 * DAY_MS), resolve('1', usd('3')))).toMatchObject([
      { type: 'InferenceCorrected' },
    ]);
    given(ledger(...resolved, later(45 * DAY_MS)))
      .when(resolve('1', usd('3')))
      .thenRefused('call_not_found');
  });

  it('that comes again with the same command undoes no later correction', () => {
    const script = [...lost, resolve('1', usd('2'), undefined, 'first'), resolve('1', usd('3'), undefined, 'second')];
    given(ledger(...script))
      .when(resolve('1', usd('2'), undefined, 'first'))
      .thenNothing();
    given(ledger(...script))
      .when(resolve('1', usd('3'), undefined, 'second'))
      .thenNothing();
    expect(eventsOf(...script, resolve('1', usd('2'), undefined, 'third'))).toMatchObject([
      { type: 'InferenceCorrected' },
    ]);
  });

  it('corrects what the policy or a page has resolved, too, and also after a late settlement', () => {
    const late = complete('1', usd('4'));
    for (const first of [[later(DAY_MS), byPolicy('1')], [resolveAll()], [resolve('1', usd('2')), late]])
      expect(eventsOf(...lost, ...first, resolve('1', usd('4')))).toMatchObject([
        { type: 'InferenceCorrected', data: { before: { cost: usd('2') }, cost: usd('4') } },
      ]);
  });
});

describe('the policy for unresolved calls', () => {
  it('resolves a call at what was counted, a day after it was lost, unless the organization says otherwise', () => {
    given(ledger(...lost, later(DAY_MS - 1)))
      .when(byPolicy('1'))
      .thenNothing();
    expect(eventsOf(...lost, later(DAY_MS), byPolicy('1'))[0]).toMatchObject({
      type: 'InferenceResolved',
      data: {
        source: 'policy',
        cost: usd('2'),
        charged: usd('2'),
        tokens: 2_000_000_000n,
        reason: 'by the policy of the organization: the counted amount, after 86400 s',
      },
    });
    given(ledger(...lost, later(DAY_MS), byPolicy('1')))
      .when(byPolicy('1'))
      .thenNothing();
  });

  it.each([expire('1', 'owner-dead'), abandon('1'), fail('1', 'unknown')])(
    'takes the ceiling of a call of which nothing was counted: %j',
    (ending) => {
      const script = [dailyBudget, authorize('1', { ceiling: usd('8') }), ending, later(DAY_MS)];
      expect(eventsOf(...script, byPolicy('1'))[0]).toMatchObject({ data: { cost: usd('8'), source: 'policy' } });
    },
  );

  it('is the organization’s choice, for calls that were lost before as well', () => {
    const ceiling = [...lost, choosePolicy('ceiling', 60), later(MINUTE_MS)];
    // Whoever must not count too little counts all the tokens that were held, too.
    const held = 8_000_000_000n;
    expect(eventsOf(...ceiling, byPolicy('1'))[0]).toMatchObject({ data: { cost: usd('8'), tokens: held } });
    given(ledger(...lost, choosePolicy('never', 0), later(400 * DAY_MS)))
      .when(byPolicy('1'))
      .thenNothing();
    given(ledger(...lost, choosePolicy('counted', 2 * 86_400), later(DAY_MS)))
      .when(byPolicy('1'))
      .thenNothing();
  });

  it('is set by an event, once, also to what it is by default', () => {
    given(ledger())
      .when(choosePolicy('counted', 86_400))
      .then({ type: 'UnresolvedPolicySet', data: { policy: { resolveAt: 'counted', afterSeconds: 86_400 } } })
      .andNothingWhenRepeated();
    for (const seconds of [-1, 0.5, 31_536_001])
      given(ledger()).when(choosePolicy('counted', seconds)).thenRefused('policy_invalid');
    given(ledger())
      .when({ ...choosePolicy('never', 0), ifMatch: ['seen'] } as never)
      .thenRefused('definition_stale');
  });

  it('has nothing to do with calls that run or have ended', () => {
    given(ledger(authorize('1'), later(DAY_MS)))
      .when(byPolicy('1'))
      .thenNothing();
    given(ledger(...lost, complete('1', usd('1')), later(DAY_MS)))
      .when(byPolicy('1'))
      .thenNothing();
  });
});

describe('several calls at once', () => {
  const several: Script = [
    defineBudget('b', { limit: usd('10'), thresholds: [50, 100] }),
    ...['1', '2', '3'].flatMap(
      (name): Script => [
        authorize(name, { ceiling: usd('2'), keyId: key(name), model: model(`m${name}`), projectId: project(name) }),
        name === '3' ? fail(name, 'unknown') : abandon(name, usd('1')),
        later(MINUTE_MS),
      ],
    ),
  ];
  const idsOf = (...script: Script) => eventsOf(...script).flatMap(({ data }) => ('callId' in data ? data.callId : []));

  it.each([
    [{ model: model('m2') }, ['2']],
    [{ keyId: key('1') }, ['1']],
    [{ projectId: project('3') }, ['3']],
    [{ from: NOON, to: (NOON + MINUTE_MS) as never }, ['1']],
    [{ from: (NOON + MINUTE_MS) as never }, ['2', '3']],
    [{ reason: 'client left' }, ['1', '2']],
    [{ reason: 'backend_error', keyId: key('1') }, []],
    [{}, ['1', '2', '3']],
  ] as const)('are those that the filter names: %j', (filter, names) => {
    expect(idsOf(...several, resolveAll({ filter }))).toEqual(names.map(call));
  });

  it('cost what was counted, their ceilings, or what is said', () => {
    const costsAt = (at: Parameters<typeof resolveAll>[0]) =>
      eventsOf(...several, resolveAll(at)).flatMap((event) =>
        event.type === 'InferenceResolved' ? event.data.cost : [],
      );
    expect(costsAt({ at: { kind: 'counted' } })).toEqual([usd('1'), usd('1'), usd('2')]);
    expect(costsAt({ at: { kind: 'ceiling' } })).toEqual([usd('2'), usd('2'), usd('2')]);
    expect(costsAt({ at: { kind: 'cost', cost: usd('0') } })).toEqual([0n, 0n, 0n]);
  });

  it('count as many tokens as what they are resolved at', () => {
    const tokensAt = (kind: 'counted' | 'ceiling') =>
      eventsOf(...several, resolveAll({ at: { kind } })).flatMap((event) =>
        event.type === 'InferenceResolved' ? event.data.tokens : [],
      );
    expect(tokensAt('counted')).toEqual([1_000_000_000n, 1_000_000_000n, 2_000_000_000n]);
    expect(tokensAt('ceiling')).toEqual([2_000_000_000n, 2_000_000_000n, 2_000_000_000n]);
  });

  it('come a page at a time, those that wait longest first, and a repeat of the command resolves no others', () => {
    const first = resolveAll({ callsMax: 2, commandId: 'first' });
    expect(idsOf(...several, first)).toEqual([call('1'), call('2')]);
    given(ledger(...several, first))
      .when(first)
      .thenNothing();
    expect(idsOf(...several, first, resolveAll({ commandId: 'second' }))).toEqual([call('3')]);
  });

  it('count in their budgets together', () => {
    expect(counted(play([...several, resolveAll()]))).toEqual({ settled: usd('4'), held: 0n, unresolved: 0n });
  });

  it('are at most a page, at no negative cost', () => {
    for (const callsMax of [0, 101, 1.5])
      given(ledger(...several))
        .when(resolveAll({ callsMax }))
        .thenRefused('resolve_invalid');
    given(ledger(...several))
      .when(resolveAll({ at: { kind: 'cost', cost: usd('-1') } }))
      .thenRefused('usage_invalid');
  });
});
