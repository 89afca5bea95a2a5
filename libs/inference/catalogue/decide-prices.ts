import { accepted, canonicalJson, nanoUsd } from '#kernel';
import type { CatalogueDecision, SetPrices, WithdrawPrices } from './commands';
import { no } from './commands';
import type { CatalogueState } from './state';
import { currentPrices } from './state';
import type { Model } from './types';

/** A million USD per million tokens: beyond it, somebody has confused the units. */
export const PRICE_MAX = nanoUsd(10n ** 15n);

type PriceList = Omit<Model['prices'][number], 'version' | 'effectiveFrom' | 'withdrawn'>;

function sameList({ input, cachedInput, cacheWrite, output }: PriceList, list: PriceList): boolean {
  return canonicalJson({ input, cachedInput, cacheWrite, output }) === canonicalJson(list);
}

/** Whether what is in force says already what the command wants: now, or from the time that it names on. */
function isRepeated(command: SetPrices, list: PriceList, model: Model): boolean {
  const { at, effectiveFrom } = command;
  const standing = currentPrices(model, effectiveFrom ?? at);
  if (standing === undefined || !sameList(standing, list)) return false;
  return effectiveFrom === undefined || standing.effectiveFrom === effectiveFrom;
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

export function decideWithdrawPrices(command: WithdrawPrices, state: CatalogueState): CatalogueDecision {
  const { modelId, version, at } = command;
  const model = state.models.get(modelId);
  if (model === undefined) return no('model_not_found', 'There is no such model.');
  const prices = model.prices.find((one) => one.version === version);
  if (prices === undefined) return no('price_version_not_found', `The model has no prices of version ${version}.`);
  if (prices.withdrawn === true) return accepted();
  if (prices.effectiveFrom <= at)
    return no('prices_in_force', 'These prices have begun, and calls were charged by them. Set other prices instead.');
  return accepted({ type: 'PricesWithdrawn', data: { modelId, version } });
}
