import { accepted, canonicalJson, nanoUsd } from '#kernel';
import type { CatalogueDecision, SetPrices } from './commands';
import { no } from './commands';
import type { CatalogueState } from './state';
import { currentPrices } from './state';
import type { Model } from './types';

/** A million USD per million tokens: beyond it, somebody has confused the units. */
export const PRICE_MAX = nanoUsd(10n ** 15n);

type PriceList = Omit<Model['prices'][number], 'version' | 'effectiveFrom'>;

function sameList({ input, cachedInput, cacheWrite, output }: PriceList, list: PriceList): boolean {
  return canonicalJson({ input, cachedInput, cacheWrite, output }) === canonicalJson(list);
}

/** Whether the newest version says already what the command wants; without a time it has to say so now. */
function isRepeated(command: SetPrices, list: PriceList, model: Model): boolean {
  const newest = model.prices.at(-1);
  if (newest === undefined || !sameList(newest, list)) return false;
  return command.effectiveFrom === undefined
    ? currentPrices(model, command.at) === newest
    : newest.effectiveFrom === command.effectiveFrom;
}

export function decideSetPrices(command: SetPrices, state: CatalogueState): CatalogueDecision {
  const { modelId, at, effectiveFrom = at } = command;
  const { input, cachedInput = input, cacheWrite = input, output } = command.prices;
  const model = state.models.get(modelId);
  if (model === undefined) return no('model_not_found', 'There is no such model.');
  const list: PriceList = { input, cachedInput, cacheWrite, output };
  if (Object.values(list).some((price: bigint) => price < 0n || price > PRICE_MAX))
    return no('invalid_prices', 'A price is 0 to 1,000,000 USD per million tokens.');
  if (isRepeated(command, list, model)) return accepted();
  if (effectiveFrom < at)
    return no('effective_from_in_past', 'effectiveFrom has passed: what was charged stays charged. Name a later time.');
  const version = (model.prices.at(-1)?.version ?? 0) + 1;
  return accepted({ type: 'PricesSet', data: { modelId, version, effectiveFrom, ...list } });
}
