import { usd } from '#kernel';
import {
  abandon,
  authorize,
  budget,
  changeBudget,
  complete,
  decided,
  defineBudget,
  expire,
  fail,
  HOUR_MS,
  later,
  NOON,
  release,
  resolve,
  type Script,
} from '../spec-kit';

const watched = defineBudget('b', { limit: usd('10'), mode: 'notify', thresholds: [50, 80, 100] });
const spend = (name: string, cost: string) => [authorize(name, { ceiling: usd('10') }), complete(name, usd(cost))];

function announced(...script: Script) {
  return decided(...script).events.flatMap((event) => (event.type === 'BudgetThresholdReached' ? [event.data] : []));
}

describe('a threshold', () => {
  it('is announced by the settlement that reaches it', () => {
    expect(announced(watched, ...spend('1', '4.999999999'))).toEqual([]);
    expect(announced(watched, ...spend('1', '5'))).toEqual([
      { budgetId: budget('b'), from: NOON, threshold: 50, spent: usd('5'), limit: usd('10') },
    ]);
  });

  it('is announced once', () => {
    expect(announced(watched, ...spend('1', '5'), ...spend('2', '1'))).toEqual([]);
    expect(announced(watched, ...spend('1', '5'), ...spend('2', '3'))).toMatchObject([{ threshold: 80 }]);
  });

  it('is announced with the ones that are passed on the way', () => {
    expect(announced(watched, ...spend('1', '10')).map(({ threshold }) => threshold)).toEqual([50, 80, 100]);
  });

  it('is not reached by what is only held', () => {
    expect(announced(watched, authorize('1', { ceiling: usd('10') }))).toEqual([]);
  });

  it.each([abandon('1'), expire('1', 'owner-dead'), fail('1', 'unknown')])(
    'is reached by what is unresolved: %j',
    (ending) => {
      expect(announced(watched, authorize('1', { ceiling: usd('6') }), ending)).toMatchObject([
        { threshold: 50, spent: usd('6') },
      ]);
    },
  );

  it('counts an unresolved call no second time when it is settled or resolved', () => {
    const unresolved = [watched, authorize('1', { ceiling: usd('6') }), abandon('1')];
    expect(announced(...unresolved, complete('1', usd('6')))).toEqual([]);
    expect(announced(...unresolved, resolve('1', usd('6')))).toEqual([]);
  });

  it('may lie above the limit of a budget that does not block', () => {
    const generous = defineBudget('b', { limit: usd('1'), mode: 'warn', thresholds: [200] });
    expect(announced(generous, ...spend('1', '1.99'))).toEqual([]);
    expect(announced(generous, ...spend('1', '2'))).toMatchObject([{ threshold: 200 }]);
  });

  it('is announced again under a limit that was raised, and of an ended budget never', () => {
    const raised = [watched, ...spend('1', '10'), changeBudget('b', { limit: usd('40') })];
    expect(announced(...raised, ...spend('2', '10'))).toMatchObject([{ threshold: 50, spent: usd('20') }]);
    const end = { type: 'EndBudget', budgetId: budget('b') } as const;
    expect(announced(watched, authorize('1', { ceiling: usd('10') }), end, complete('1', usd('10')))).toEqual([]);
  });

  it.each([
    ['fails unbilled', fail('2', 'never')],
    ['is released after it was sent', release('2', { dispatched: true })],
  ])('of requests is reached by a call that %s', (_, ending) => {
    const requests = defineBudget('b', { unit: 'requests', limit: 2n, mode: 'notify', thresholds: [50, 100] });
    const first = [requests, authorize('1'), fail('1', 'never'), authorize('2')];
    expect(announced(...first, ending)).toMatchObject([{ threshold: 100, spent: 2n }]);
    expect(announced(requests, authorize('2'), ending)).toMatchObject([{ threshold: 50, spent: 1n }]);
  });

  it('is not reached by a call that was never sent', () => {
    const requests = defineBudget('b', { unit: 'requests', limit: 1n, mode: 'notify', thresholds: [50, 100] });
    expect(announced(requests, authorize('1'), release('1'))).toEqual([]);
  });

  it('is announced by the change that puts it below what is spent', () => {
    const spent = [watched, ...spend('1', '6')];
    expect(announced(...spent, changeBudget('b', { limit: usd('7') }))).toEqual([
      { budgetId: budget('b'), from: NOON, threshold: 80, spent: usd('6'), limit: usd('7') },
    ]);
    expect(announced(...spent, changeBudget('b', { limit: usd('1') })).map(({ threshold }) => threshold)).toEqual([
      80, 100,
    ]);
    expect(announced(...spent, changeBudget('b', { thresholds: [50, 60] }))).toMatchObject([{ threshold: 60 }]);
    expect(announced(...spent, changeBudget('b', { limit: usd('7') }), ...spend('2', '0.1'))).toEqual([]);
  });

  it('counts what is unresolved when a limit is lowered, and nothing of a period that is over', () => {
    const lost = [authorize('1', { ceiling: usd('6') }), abandon('1')];
    const daily = defineBudget('b', { limit: usd('100'), mode: 'notify', period: 'daily', thresholds: [50] });
    const lowered = changeBudget('b', { limit: usd('10') });
    expect(announced(daily, ...lost, lowered)).toMatchObject([{ threshold: 50, spent: usd('6') }]);
    expect(announced(daily, ...lost, later(24 * HOUR_MS), lowered)).toEqual([]);
  });

  it('is announced for every budget that the call touches', () => {
    const other = defineBudget('c', { unit: 'requests', limit: 2n, thresholds: [50] });
    expect(announced(watched, other, ...spend('1', '5')).map(({ budgetId }) => budgetId)).toEqual(['bgt_b', 'bgt_c']);
  });
});
