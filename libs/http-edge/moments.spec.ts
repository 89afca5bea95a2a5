import { formatInstant } from '#kernel';
import { isTimeZone, momentNamed } from './moments';

function named(text: string, timeZone?: string): string | undefined {
  const moment = momentNamed(text, timeZone);
  return moment === undefined ? undefined : formatInstant(moment);
}

describe('a date', () => {
  it.each([
    ['2026-06-01', undefined, '2026-06-01T00:00:00.000Z'],
    ['2026-06-01', 'Asia/Kolkata', '2026-05-31T18:30:00.000Z'],
    ['2026-06-01', 'America/New_York', '2026-06-01T04:00:00.000Z'],
    ['2026-06-01', 'Pacific/Kiritimati', '2026-05-31T10:00:00.000Z'],
    ['2026-06-01', 'Pacific/Pago_Pago', '2026-06-01T11:00:00.000Z'],
    // The days on which Berlin's clocks are changed, and those after.
    ['2026-03-29', 'Europe/Berlin', '2026-03-28T23:00:00.000Z'],
    ['2026-03-30', 'Europe/Berlin', '2026-03-29T22:00:00.000Z'],
    ['2026-10-25', 'Europe/Berlin', '2026-10-24T22:00:00.000Z'],
    ['2026-10-26', 'Europe/Berlin', '2026-10-25T23:00:00.000Z'],
    // Clocks that skip midnight.
    ['2018-11-04', 'America/Sao_Paulo', '2018-11-04T03:00:00.000Z'],
    ['2026-04-24', 'Africa/Cairo', '2026-04-23T22:00:00.000Z'],
    // Clocks that go back over midnight: the first of two.
    ['2018-02-18', 'America/Sao_Paulo', '2018-02-18T03:00:00.000Z'],
    ['2025-11-02', 'America/Havana', '2025-11-02T04:00:00.000Z'],
    // A day that was left out altogether.
    ['2011-12-30', 'Pacific/Apia', '2011-12-30T10:00:00.000Z'],
    ['2011-12-31', 'Pacific/Apia', '2011-12-30T10:00:00.000Z'],
  ])('%s in %s begins at %s', (text, timeZone, at) => {
    expect(named(text, timeZone)).toBe(at);
  });

  it('that does not exist is none', () => {
    expect([named('2026-02-29'), named('2026-13-01', 'Asia/Kolkata'), named('2026-6-1')]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});

it('a time says itself where it is', () => {
  expect(named('2026-06-01T00:00:00+02:00', 'Asia/Kolkata')).toBe('2026-05-31T22:00:00.000Z');
  expect(named('yesterday')).toBeUndefined();
});

it('a time zone is one of IANA', () => {
  expect(['Asia/Kolkata', 'UTC', 'Mars/Olympus', ''].map(isTimeZone)).toEqual([true, true, false, false]);
});
