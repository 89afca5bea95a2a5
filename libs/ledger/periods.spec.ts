import fc from 'fast-check';
import type { EventId } from '#kernel';
import { epochMs, usd } from '#kernel';
import { decide } from './decide';
import type { BudgetPeriod } from './events';
import { evolve } from './evolve';
import { isTimeZone, periodAt } from './periods';
import {
  abandon,
  at,
  authorize,
  authorizedBy,
  budget,
  complete,
  counted,
  decided,
  defineBudget,
  HOUR_MS,
  instant,
  play,
  resolve,
} from './spec-kit';
import { initialLedgerState } from './state';

function period(name: BudgetPeriod, timeZone: string, time: string): readonly [string, string] {
  const { from, to } = periodAt(name, timeZone, instant(time), epochMs(0));
  return [new Date(from).toISOString(), to === undefined ? 'never' : new Date(to).toISOString()];
}

describe('a period', () => {
  it.each([
    ['daily', '2026-05-13T00:00:00.000Z', '2026-05-14T00:00:00.000Z'],
    ['weekly', '2026-05-11T00:00:00.000Z', '2026-05-18T00:00:00.000Z'],
    ['monthly', '2026-05-01T00:00:00.000Z', '2026-06-01T00:00:00.000Z'],
    ['quarterly', '2026-04-01T00:00:00.000Z', '2026-07-01T00:00:00.000Z'],
    ['yearly', '2026-01-01T00:00:00.000Z', '2027-01-01T00:00:00.000Z'],
    ['total', '1970-01-01T00:00:00.000Z', 'never'],
  ] as const)('%s is a calendar’s', (name, from, to) => {
    expect(period(name, 'UTC', '2026-05-13T12:00:00Z')).toEqual([from, to]);
  });

  it('begins at midnight of its time zone', () => {
    expect(period('daily', 'Asia/Tokyo', '2026-05-13T16:00:00Z')).toEqual([
      '2026-05-13T15:00:00.000Z',
      '2026-05-14T15:00:00.000Z',
    ]);
    expect(period('monthly', 'America/New_York', '2026-06-01T03:59:59Z')[1]).toBe('2026-06-01T04:00:00.000Z');
  });

  it('has 23 hours on the day that clocks go forward, 25 when they go back', () => {
    expect(period('daily', 'Europe/Berlin', '2026-03-29T12:00:00Z')).toEqual([
      '2026-03-28T23:00:00.000Z',
      '2026-03-29T22:00:00.000Z',
    ]);
    expect(period('daily', 'Europe/Berlin', '2026-10-25T12:00:00Z')).toEqual([
      '2026-10-24T22:00:00.000Z',
      '2026-10-25T23:00:00.000Z',
    ]);
  });

  it('begins at the first moment that exists, where clocks go forward at midnight', () => {
    // On 6 September 2026 Chile's clocks go from 24:00 (UTC-4) to 01:00 (UTC-3).
    expect(period('daily', 'America/Santiago', '2026-09-06T12:00:00Z')).toEqual([
      '2026-09-06T04:00:00.000Z',
      '2026-09-07T03:00:00.000Z',
    ]);
    expect(period('daily', 'America/Santiago', '2026-09-06T03:59:59.999Z')[1]).toBe('2026-09-06T04:00:00.000Z');
  });

  it('begins at the first of two midnights, where clocks go back to midnight', () => {
    // On 1 November 2026 Cuba's clocks go from 01:00 (UTC-4) to 00:00 (UTC-5).
    const day = ['2026-11-01T04:00:00.000Z', '2026-11-02T05:00:00.000Z'];
    expect(period('daily', 'America/Havana', '2026-11-01T04:30:00Z')).toEqual(day);
    expect(period('daily', 'America/Havana', '2026-11-01T05:30:00Z')).toEqual(day);
    expect(period('monthly', 'America/Havana', '2026-11-20T12:00:00Z')[0]).toBe(day[0]);
    expect(period('monthly', 'America/Havana', '2026-10-20T12:00:00Z')[1]).toBe(day[0]);
  });

  it('always holds the moment it was asked for, and meets the next one', () => {
    const names = fc.constantFrom<BudgetPeriod>('daily', 'weekly', 'monthly', 'quarterly', 'yearly');
    const zones = fc.constantFrom(
      'UTC',
      'Europe/Berlin',
      'America/Santiago',
      'America/Havana',
      'Asia/Kathmandu',
      'Australia/Lord_Howe',
    );
    const times = fc.integer({ min: instant('2020-01-01T00:00:00Z'), max: instant('2035-01-01T00:00:00Z') });
    fc.assert(
      fc.property(names, zones, times, (name, zone, time) => {
        const { from, to } = periodAt(name, zone, epochMs(time), epochMs(0));
        if (to === undefined) return false;
        const isWhole = from <= time && time < to && periodAt(name, zone, to, epochMs(0)).from === to;
        // Every moment of a period tells the same one.
        return isWhole && periodAt(name, zone, epochMs(to - 1), epochMs(0)).from === from;
      }),
    );
  });

  it('needs a time zone that exists', () => {
    expect([isTimeZone('Europe/Berlin'), isTimeZone('UTC'), isTimeZone('Mars/Olympus')]).toEqual([true, true, false]);
  });
});

const daily = defineBudget('b', { period: 'daily', limit: usd('1') });

describe('a budget in time', () => {
  it('records the bounds of a period with its first hold only', () => {
    const first = decided(daily, authorize('1'));
    expect(first.events[0]).toEqual({
      type: 'BudgetPeriodOpened',
      data: { budgetId: budget('b'), from: instant('2026-05-13T00:00:00Z'), to: instant('2026-05-14T00:00:00Z') },
    });
    expect(decided(daily, authorize('1'), authorize('2')).events.map(({ type }) => type)).toEqual([
      'InferenceAuthorized',
    ]);
  });

  it('begins anew with the next period', () => {
    const spent = [daily, authorize('1', { ceiling: usd('1') }), complete('1', usd('1'))];
    const before = decided(...spent, at('2026-05-13T23:59:59.999Z'), authorize('2'));
    expect(before).toMatchObject({
      ok: false,
      refusal: { code: 'budget_exhausted', details: { resetsAt: instant('2026-05-14T00:00:00Z') } },
    });
    expect(decided(...spent, at('2026-05-14T00:00:00Z'), authorize('2')).ok).toBe(true);
  });

  it('counts a call in the period of its authorization, whenever it ends', () => {
    const late = [
      daily,
      at('2026-05-13T23:59:59Z'),
      authorize('1', { ceiling: usd('1') }),
      at('2026-05-14T00:00:01Z'),
      authorize('2', { ceiling: usd('0.5') }),
      complete('1', usd('1')),
    ];
    expect(counted(play(late))).toEqual({ held: usd('0.5'), settled: 0n, unresolved: 0n });
  });

  it('forgets a past period once no call in it can move, and not before', () => {
    const nextDay = [daily, authorize('1'), abandon('1'), at('2026-05-14T12:00:00Z'), authorize('2')];
    const yesterday = `${budget('b')}@${instant('2026-05-13T00:00:00Z')}`;
    expect(play(nextDay).state.periods.get(yesterday)?.unresolved).toBe(usd('0.01'));
    expect(play([...nextDay, resolve('1', usd('0.01'))]).state.periods.has(yesterday)).toBe(false);
  });

  it('keeps a period’s recorded bounds until it ends, whatever the calendar says by then', () => {
    // As recorded by a program with another time zone database: a day that ends at 13:30.
    const opened = {
      type: 'BudgetPeriodOpened',
      data: { budgetId: budget('b'), from: instant('2026-05-13T00:00:00Z'), to: instant('2026-05-13T13:30:00Z') },
    } as const;
    const { state, now } = play([daily]);
    const recorded = evolve(state, { id: '' as EventId, event: opened, at: now });
    const opens = (time: string) => {
      const { events } = decide(authorize('1'), recorded, { now: instant(time) });
      return events.flatMap((event) => (event.type === 'BudgetPeriodOpened' ? [event.data] : []));
    };
    expect(opens('2026-05-13T13:29:59Z')).toEqual([]);
    // The next one does not overlap it, though the calendar's day began at midnight.
    expect(opens('2026-05-13T13:30:00Z')).toEqual([
      { budgetId: budget('b'), from: instant('2026-05-13T13:30:00Z'), to: instant('2026-05-14T00:00:00Z') },
    ]);
  });

  it('of no period begins with the budget and never ends', () => {
    const total = decided(defineBudget('b'), at('2026-06-01T00:00:00Z'), authorize('1'));
    expect(total.events[0]).toEqual({
      type: 'BudgetPeriodOpened',
      data: { budgetId: budget('b'), from: instant('2026-05-13T12:00:00Z') },
    });
  });
});

describe('ledger time', () => {
  it('never runs backwards: a clock that was set back neither reopens a period nor shortens a hold', () => {
    const ahead = [daily, at('2026-05-14T00:00:00Z'), authorize('1', { ceiling: usd('1') }), complete('1', usd('1'))];
    expect(decided(...ahead, at('2026-05-13T12:00:00Z'), authorize('2'))).toMatchObject({
      refusal: { code: 'budget_exhausted' },
    });
    const call = authorizedBy(at('2026-05-14T00:00:00Z'), daily, at('2026-05-13T00:00:00Z'), authorize('1'));
    expect(call.deadline).toBe(instant('2026-05-14T00:15:00Z'));
  });

  it('is the newest event’s', () => {
    const event = { type: 'BudgetEnded', data: { budgetId: budget('b') } } as const;
    const later = evolve(initialLedgerState, { id: '' as EventId, event, at: instant('2026-05-13T12:00:00Z') });
    const earlier = evolve(later, { id: '' as EventId, event, at: epochMs(later.time - HOUR_MS) });
    expect(earlier.time).toBe(later.time);
  });
});
