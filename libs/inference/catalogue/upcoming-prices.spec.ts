import { epochMs, nanoUsd } from '#kernel';
import type { Model } from './types';
import { upcomingPrices } from './upcoming-prices';

function modelWith(...versions: readonly (readonly [version: number, effectiveFrom: number])[]): Model {
  const price = nanoUsd(1n);
  const list = { input: price, cachedInput: price, cacheWrite: price, output: price };
  const prices = versions.map(([version, effectiveFrom]) => ({
    version,
    effectiveFrom: epochMs(effectiveFrom),
    ...list,
  }));
  return { prices } as Partial<Model> as Model;
}

const upcoming = (model: Model, after: number) =>
  upcomingPrices(model, epochMs(after)).map(({ from, prices }) => [from, prices.version]);

describe('prices that are still to come', () => {
  it('are none where all versions are in force or replaced', () => {
    expect(upcoming(modelWith([1, 0], [2, 10]), 10)).toEqual([]);
    expect(upcoming(modelWith(), 10)).toEqual([]);
  });

  it('come in the order of their times, each from its own', () => {
    expect(upcoming(modelWith([1, 0], [2, 10], [3, 20]), 5)).toEqual([
      [10, 2],
      [20, 3],
    ]);
    expect(upcoming(modelWith([1, 0], [2, 10], [3, 20]), 10)).toEqual([[20, 3]]);
  });

  it('begin with the first of all', () => {
    expect(upcoming(modelWith([1, 10]), 5)).toEqual([[10, 1]]);
  });
});
