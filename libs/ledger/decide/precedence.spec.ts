import { usd } from '#kernel';
import { given } from '#testing/given-when-then';
import {
  abandon,
  account,
  authorize,
  complete,
  decided,
  defineBudget,
  key,
  ledger,
  project,
  release,
  type Script,
  setLimits,
} from '../spec-kit';

const ten = defineBudget('b', { limit: usd('10') });

describe('exhausted or contended', () => {
  it('contended is what only other calls’ holds stand in the way of', () => {
    given(ledger(ten, authorize('1', { ceiling: usd('9') })))
      .when(authorize('2', { ceiling: usd('2') }))
      .thenRefused('budget_contended');
  });

  it('exhausted is what no release would make room for', () => {
    given(ledger(ten, authorize('1', { ceiling: usd('9') }), complete('1', usd('9'))))
      .when(authorize('2', { ceiling: usd('2') }))
      .thenRefused('budget_exhausted');
    given(ledger(ten, authorize('1', { ceiling: usd('9') }), abandon('1')))
      .when(authorize('2', { ceiling: usd('2') }))
      .thenRefused('budget_exhausted');
    given(ledger(ten))
      .when(authorize('1', { ceiling: usd('11') }))
      .thenRefused('budget_exhausted');
  });

  it('a default cap is contended only if its least useful size would fit without the holds', () => {
    const chat = (outputTokensCapMin: number) =>
      authorize('2', {
        bounds: { inputTokensMax: 100, outputTokensCap: 4_096, outputCapSource: 'default', outputsMax: 1 },
        outputTokensCapMin,
      });
    const busy = [defineBudget('b', { limit: 200n }), authorize('1', { ceiling: 150n as never })];
    given(ledger(...busy))
      .when(chat(100))
      .thenRefused('budget_contended');
    given(ledger(...busy))
      .when(chat(101))
      .thenRefused('budget_exhausted');
  });

  it('of several budgets the exhausted one speaks, since waiting for the other would not help', () => {
    const contended = defineBudget('a', { limit: usd('10') });
    const exhausted = defineBudget('z', { limit: usd('1.5') });
    expect(
      decided(contended, exhausted, authorize('1', { ceiling: usd('1') }), authorize('2', { ceiling: usd('2') })),
    ).toMatchObject({
      refusal: { code: 'budget_exhausted', details: { limitId: 'bgt_z' } },
    });
  });
});

/** Every reason at once; taking them away one by one shows which speaks first. */
describe('what cannot be cured is said first', () => {
  const idempotency = { key: 'k', body: 'other' };
  const asked = authorize('2', { ceiling: usd('5'), idempotency, keyOwner: account('a') });
  const setUp: Script = [
    authorize('1', { ceiling: usd('0'), idempotency: { key: 'k', body: 'first' } }),
    defineBudget('exhausted', { limit: usd('1') }),
    setLimits({ requestsPerMinute: 0, burst: 0, concurrency: 1 }),
  ];
  const bar = (subject: Extract<Script[number], { type: 'BarSubject' }>['subject']) =>
    ({ type: 'BarSubject', subject, reason: 'test' }) as const;
  const bars = [
    bar({ type: 'organization' }),
    bar({ type: 'project', id: project('a') }),
    bar(account('a')),
    bar({ type: 'api-key', id: key('a') }),
  ];
  const { idempotency: _, ...unkeyed } = asked;
  const noLimit = { type: 'EndBudget', budgetId: 'bgt_exhausted' as never } as const;
  const contended = [
    defineBudget('contended', { limit: usd('5') }),
    authorize('3', { ceiling: usd('1'), keyId: key('b') }),
  ];

  const losses = [authorize('4', { ceiling: usd('0.5'), keyId: key('a') }), abandon('4')];
  const tight = {
    requestsPerMinute: 0,
    burst: 0,
    concurrency: 1,
    callCostMax: usd('4'),
    unresolvedCostMax: usd('0.5'),
  };

  it.each([
    ['organization_suspended', [...setUp, ...bars], asked],
    ['project_suspended', [...setUp, ...bars.slice(1)], asked],
    ['key_owner_disabled', [...setUp, ...bars.slice(2)], asked],
    ['api_key_revoked', [...setUp, ...bars.slice(3)], asked],
    ['idempotency_key_reused', setUp, asked],
    ['idempotency_in_progress', setUp, { ...asked, idempotency: { key: 'k', body: 'first' } }],
    ['call_cost_limit_exceeded', [...losses, ...setUp, setLimits(tight)], unkeyed],
    ['unresolved_limit_exceeded', [...losses, ...setUp, setLimits({ ...tight, callCostMax: usd('5') })], unkeyed],
    ['budget_exhausted', [...losses, ...setUp], unkeyed],
    ['rate_limit_exceeded', [...setUp, noLimit, ...contended], unkeyed],
    ['concurrency_limit_exceeded', [...setUp, noLimit, ...contended, setLimits({ concurrency: 1 })], unkeyed],
    ['budget_contended', [...setUp, noLimit, ...contended, setLimits({})], unkeyed],
  ] as const)('%s', (code, script, command) => {
    given(ledger(...script))
      .when(command)
      .thenRefused(code);
  });

  it('and with every reason gone the call is admitted', () => {
    expect(decided(...setUp, noLimit, ...contended, setLimits({}), release('3'), unkeyed).ok).toBe(true);
  });
});
