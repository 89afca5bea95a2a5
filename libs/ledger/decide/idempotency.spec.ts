import { usd } from '#kernel';
import { given } from '#testing/given-when-then';
import {
  abandon,
  authorize,
  authorizedBy,
  call,
  complete,
  decided,
  defineBudget,
  fail,
  later,
  ledger,
  MINUTE_MS,
  release,
  resolve,
} from '../spec-kit';

const keyed = (name: string, body = 'body') => authorize(name, { idempotency: { key: 'hash', body } });
const first = { callId: call('1') };

describe('a call with an Idempotency-Key', () => {
  it('records hashes of key and body', () => {
    expect(authorizedBy(keyed('1')).idempotency).toEqual({ key: 'hash', body: 'body' });
  });

  it('is in progress while the first one runs', () => {
    given(ledger(keyed('1')))
      .when(keyed('2'))
      .thenRefused('idempotency_in_progress', first);
  });

  it('is answered for a minute after the first one was; then an index must know', () => {
    const answered = [keyed('1'), complete('1', usd('0.01'))];
    given(ledger(...answered, later(MINUTE_MS - 1)))
      .when(keyed('2'))
      .thenRefused('idempotency_answered', first);
    expect(decided(...answered, later(MINUTE_MS), keyed('2')).ok).toBe(true);
    const known = { callId: call('1'), body: 'body', outcome: 'answered' } as const;
    given(ledger(...answered, later(MINUTE_MS)))
      .when(authorize('2', { idempotency: { key: 'hash', body: 'body', known } }))
      .thenRefused('idempotency_answered', first);
  });

  it('has an unknown outcome as long as the first one is unresolved, however long that takes', () => {
    for (const ending of [abandon('1'), fail('1', 'unknown')])
      given(ledger(keyed('1'), ending, later(60 * MINUTE_MS)))
        .when(keyed('2'))
        .thenRefused('idempotency_outcome_unknown', first);
  });

  it('has an unknown outcome when the answer was cut or the call was resolved', () => {
    given(ledger(keyed('1'), complete('1', usd('0.01'), { outcome: 'interrupted' })))
      .when(keyed('2'))
      .thenRefused('idempotency_outcome_unknown', first);
    given(ledger(keyed('1'), abandon('1'), resolve('1', usd('0.01'))))
      .when(keyed('2'))
      .thenRefused('idempotency_outcome_unknown', first);
    const known = { callId: call('1'), body: 'body', outcome: 'unknown' } as const;
    given(ledger())
      .when(authorize('2', { idempotency: { key: 'hash', body: 'body', known } }))
      .thenRefused('idempotency_outcome_unknown', first);
  });

  it('stays unknown for a day after somebody resolved the first one, whose answer nobody has', () => {
    const resolved = [keyed('1'), abandon('1'), resolve('1', usd('0.01'))];
    given(ledger(...resolved, later(24 * 60 * MINUTE_MS - 1)))
      .when(keyed('2'))
      .thenRefused('idempotency_outcome_unknown', first);
    given(ledger(...resolved, later(60 * MINUTE_MS)))
      .when(keyed('2', 'other'))
      .thenRefused('idempotency_key_reused', first);
    expect(decided(...resolved, later(24 * 60 * MINUTE_MS), keyed('2')).ok).toBe(true);
  });

  it('is answered after all when recovery settles it late from the stored answer', () => {
    given(ledger(keyed('1'), abandon('1'), complete('1', usd('0.01'))))
      .when(keyed('2'))
      .thenRefused('idempotency_answered', first);
  });

  it('is refused with another body, whatever became of the first one', () => {
    const known = { callId: call('1'), body: 'body', outcome: 'answered' } as const;
    for (const script of [[], [complete('1', usd('0'))], [abandon('1')]])
      given(ledger(keyed('1'), ...script))
        .when(keyed('2', 'other'))
        .thenRefused('idempotency_key_reused', first);
    given(ledger())
      .when(authorize('2', { idempotency: { key: 'hash', body: 'other', known } }))
      .thenRefused('idempotency_key_reused', first);
  });

  it('runs again where the first one was released or failed unbilled: such a call does not bind its key', () => {
    for (const ending of [release('1'), release('1', { dispatched: true }), fail('1', 'never')])
      expect(decided(keyed('1'), ending, keyed('2', 'other')).ok).toBe(true);
  });

  it('refused for another reason does not bind its key', () => {
    const refused = decided(defineBudget('b', { limit: 0n }), keyed('1'));
    expect(refused.ok).toBe(false);
    expect(decided(keyed('2', 'other')).ok).toBe(true);
  });

  it('is looked for before budgets and limits: a repeat takes nothing', () => {
    const spent = [defineBudget('b', { limit: usd('0.01') }), keyed('1'), complete('1', usd('0.01'))];
    given(ledger(...spent))
      .when(keyed('2'))
      .thenRefused('idempotency_answered', first);
  });
});
