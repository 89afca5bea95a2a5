import * as fc from 'fast-check';
import { IANAZone } from 'luxon';
import { epochMs } from '#kernel';
import { instant, orgId } from '../spec-kit';
import { answeredRange, rangesByGrain, stretchesOf } from './ranges';
import { GRAIN_MS, GRAINS } from './tables';
import type { Granularity } from './types';

function params(from: string, to: string, granularity: Granularity, timeZone?: string) {
  return { orgId, from: instant(from), to: instant(to), granularity, ...(timeZone === undefined ? {} : { timeZone }) };
}

function localStarts(from: string, to: string, granularity: Granularity, timeZone: string): string[] {
  const stretches = stretchesOf(answeredRange(params(from, to, granularity, timeZone)));
  return stretches.map((stretch) => new Date(stretch.from).toISOString());
}

const ZONES = [
  'UTC',
  'Asia/Kolkata',
  'Asia/Kathmandu',
  'America/St_Johns',
  'Australia/Lord_Howe',
  'America/New_York',
] as const;

describe('the ranges of a report', () => {
  it('fill every stretch exactly, with rows as coarse as possible, in every zone', () => {
    const since = instant('2024-01-01T00:00:00Z');
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 40_000 }),
        fc.integer({ min: 1, max: 1_000 }),
        fc.constantFrom(...ZONES),
        fc.constantFrom('hour', 'day', 'month', 'total'),
        (start, quarters, timeZone, granularity) => {
          const from = epochMs(since + start * GRAIN_MS.quarters);
          const to = epochMs(from + quarters * GRAIN_MS.quarters);
          const stretches = stretchesOf(answeredRange({ orgId, from, to, granularity, timeZone }));
          const byGrain = rangesByGrain(stretches);
          const problems: unknown[] = [];
          const check = (holds: boolean, what: unknown) => holds || problems.push(what);
          // Pieces or stretches that begin and end where they should, without gap or overlap.
          const checkChain = (begin: number, end: number, links: readonly (readonly [number, number])[]) => {
            check(links[0]?.[0] === begin && links.at(-1)?.[1] === end, { begin, end, links });
            for (const [index, [linkBegin, linkEnd]] of links.entries())
              check(linkBegin < linkEnd && (index === 0 || links[index - 1]?.[1] === linkBegin), links);
          };
          checkChain(
            from,
            to,
            stretches.map((stretch) => [stretch.from, stretch.to]),
          );
          const pieces = GRAINS.flatMap((grain) => byGrain[grain].map((range) => ({ ...range, grain })));
          const ofLabel = new Map<number, typeof pieces>();
          for (const piece of pieces) ofLabel.set(piece.label, [...(ofLabel.get(piece.label) ?? []), piece]);
          for (const [label, stretch] of stretches.entries()) {
            const mine = (ofLabel.get(label) ?? []).sort((a, b) => a.from - b.from);
            checkChain(
              stretch.from,
              stretch.to,
              mine.map((piece) => [piece.from, piece.before]),
            );
            for (const { grain, from: begin, before } of mine)
              check(begin % GRAIN_MS[grain] === 0 && before % GRAIN_MS[grain] === 0, { grain, begin, before });
            // At most one piece of each finer grain at either end.
            check(mine.length <= 5, mine);
          }
          expect(problems).toEqual([]);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('are local days, also half an hour beside UTC', () => {
    expect(localStarts('2026-05-01T18:30:00Z', '2026-05-03T18:30:00Z', 'day', 'Asia/Kolkata')).toEqual([
      '2026-05-01T18:30:00.000Z',
      '2026-05-02T18:30:00.000Z',
    ]);
  });

  it('are days of 23 and 25 hours where the clock is changed', () => {
    expect(localStarts('2026-03-28T23:00:00Z', '2026-03-30T22:00:00Z', 'day', 'Europe/Berlin')).toEqual([
      '2026-03-28T23:00:00.000Z',
      '2026-03-29T22:00:00.000Z',
    ]);
  });

  it.each(ZONES)('are the hours of %s, those too in which the clock is changed', (timeZone) => {
    const [from, to] = [instant('2024-01-01T00:00:00Z'), instant('2025-01-01T00:00:00Z')];
    const zone = IANAZone.create(timeZone);
    const stretches = stretchesOf(answeredRange({ orgId, from, to, granularity: 'hour', timeZone }));
    const minutes = (at: number) => Math.floor(at / 60_000) + zone.offset(at);
    // The last one is cut to the range.
    const wrong = stretches
      .slice(0, -1)
      .filter(({ from: begin, to: end }) => end !== begin + (60 - (minutes(begin) % 60)) * 60_000);
    expect(wrong).toEqual([]);
    const changes = stretches.filter((stretch) => zone.offset(stretch.from) !== zone.offset(stretch.to));
    expect(changes).toHaveLength(/^(UTC|Asia)/.test(timeZone) ? 0 : 2);
  });

  it('are months of the zone, the first and last cut to what was asked', () => {
    expect(localStarts('2026-01-15T00:00:00Z', '2026-03-10T00:00:00Z', 'month', 'America/New_York')).toEqual([
      '2026-01-15T00:00:00.000Z',
      '2026-02-01T05:00:00.000Z',
      '2026-03-01T05:00:00.000Z',
    ]);
  });

  it('are widened to whole quarters of an hour, and the answer says so', () => {
    const range = answeredRange(params('2026-05-01T10:07:00Z', '2026-05-01T10:31:00Z', 'total'));
    expect([range.from, range.to]).toEqual([instant('2026-05-01T10:00:00Z'), instant('2026-05-01T10:45:00Z')]);
  });

  it('never leave the years that RFC 3339 can name', () => {
    const answered = (from: string, to: string) => {
      const range = answeredRange(params(from, to, 'total'));
      return [range.from, range.to].map((at) => new Date(at).toISOString());
    };
    const end = '9999-12-31T23:45:00.000Z';
    expect(answered('0000-01-01T00:00:00Z', '9999-12-31T23:59:59.999Z')).toEqual(['0000-01-01T00:00:00.000Z', end]);
    expect(answered('9999-12-31T23:50:00Z', '9999-12-31T23:59:00Z')).toEqual(['9999-12-31T23:30:00.000Z', end]);
  });

  it.each([
    { what: 'nothing', query: params('2026-05-01T00:00:00Z', '2026-05-01T00:00:00Z', 'day'), code: 'range_invalid' },
    {
      what: 'too many hours',
      query: params('2020-01-01T00:00:00Z', '2026-01-01T00:00:00Z', 'hour'),
      code: 'range_invalid',
    },
    {
      what: 'no zone',
      query: params('2026-05-01T00:00:00Z', '2026-05-02T00:00:00Z', 'day', 'Mars'),
      code: 'time_zone_unknown',
    },
    {
      what: 'a time before zones kept to quarters of an hour',
      query: params('1890-05-01T00:00:00Z', '1890-05-02T00:00:00Z', 'day', 'Asia/Kolkata'),
      code: 'range_invalid',
    },
  ])('are refused for $what', ({ query, code }) => {
    expect(() => stretchesOf(answeredRange(query))).toThrow(
      expect.objectContaining({ name: 'QueryRefusedError', code }),
    );
  });
});
