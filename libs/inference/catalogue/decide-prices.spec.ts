import type { EpochMs, ModelId } from '#kernel';
import { epochMs, nanoUsd, usd } from '#kernel';
import { given, stateAfter } from '#testing/given-when-then';
import type { SetPrices } from './commands';
import { PRICE_MAX } from './decide-prices';
import { catalogueDecider } from './decider';
import type { CatalogueEvent, CatalogueEventData } from './events';
import { currentPrices, findModel } from './state';

const NOW = epochMs(1_767_225_600_000);
const later = (ms: number) => epochMs(NOW + ms);
const modelId = 'large' as ModelId;

const registered: CatalogueEvent = {
  type: 'ModelRegistered',
  data: {
    modelId,
    kind: 'chat',
    visibility: 'all',
    routes: [],
    contextTokens: 1_000,
    maxOutputTokens: 100,
    defaultOutputTokens: 100,
    hiddenReasoning: false,
    bounds: { textFactor: 1, requestOverheadTokens: 3, messageOverheadTokens: 8, toolOverheadTokens: 16 },
  },
};
const pricesSet = (version: number, effectiveFrom: EpochMs, changes: Partial<CatalogueEventData<'PricesSet'>> = {}) =>
  ({
    type: 'PricesSet',
    data: {
      modelId,
      version,
      effectiveFrom,
      input: usd('2'),
      cachedInput: usd('2'),
      cacheWrite: usd('2'),
      output: usd('8'),
      ...changes,
    },
  }) as const satisfies CatalogueEvent;
const withdrawn = (version: number): CatalogueEvent => ({ type: 'PricesWithdrawn', data: { modelId, version } });
const setPrices = (change: Partial<SetPrices> = {}): SetPrices => ({
  type: 'SetPrices',
  at: NOW,
  modelId,
  prices: { input: usd('2'), output: usd('8') },
  ...change,
});

describe('setting prices', () => {
  it('takes effect at once unless told otherwise, with what is unset at the price of input', () => {
    given(catalogueDecider, registered).when(setPrices()).then(pricesSet(1, NOW)).andNothingWhenRepeated();
  });

  it('takes effect later, as a new version', () => {
    given(catalogueDecider, registered, pricesSet(1, NOW))
      .when(
        setPrices({
          effectiveFrom: later(1),
          prices: { input: usd('1'), cachedInput: usd('0.1'), cacheWrite: usd('1.25'), output: usd('4') },
        }),
      )
      .then(
        pricesSet(2, later(1), {
          input: usd('1'),
          cachedInput: usd('0.1'),
          cacheWrite: usd('1.25'),
          output: usd('4'),
        }),
      )
      .andNothingWhenRepeated();
  });

  it('recognizes a repetition that comes after the prices took effect', () => {
    given(catalogueDecider, registered, pricesSet(1, later(1)))
      .when(setPrices({ at: later(9), effectiveFrom: later(1) }))
      .thenNothing();
    given(catalogueDecider, registered, pricesSet(1, NOW))
      .when(setPrices({ at: later(9) }))
      .thenNothing();
  });

  it('is no repetition while the same prices only lie ahead', () => {
    given(catalogueDecider, registered, pricesSet(1, later(10)))
      .when(setPrices())
      .then(pricesSet(2, NOW));
  });

  it('for now, beside prices that are to begin later, leaves those as they are', () => {
    given(catalogueDecider, registered, pricesSet(1, NOW), pricesSet(2, later(100), { output: usd('9') }))
      .when(setPrices({ at: later(1), prices: { input: usd('2'), output: usd('7') } }))
      .then(pricesSet(3, later(1), { output: usd('7') }));
    given(catalogueDecider, registered, pricesSet(1, NOW), pricesSet(2, later(100), { output: usd('9') }))
      .when(setPrices({ at: later(1) }))
      .thenNothing();
  });

  it('never reaches into the past, where calls were charged already', () => {
    given(catalogueDecider, registered)
      .when(setPrices({ effectiveFrom: epochMs(NOW - 1) }))
      .thenRefused('effective_from_in_past');
  });

  it('takes prices from nothing to a million dollars per million tokens', () => {
    const free = { input: usd('0'), cachedInput: usd('0'), cacheWrite: usd('0'), output: PRICE_MAX };
    given(catalogueDecider, registered)
      .when(setPrices({ prices: free }))
      .then(pricesSet(1, NOW, free));
    for (const price of [nanoUsd(-1n), nanoUsd(PRICE_MAX + 1n)])
      given(catalogueDecider, registered)
        .when(setPrices({ prices: { input: usd('1'), cachedInput: price, output: usd('1') } }))
        .thenRefused('invalid_prices');
  });

  it('needs a model', () => {
    given(catalogueDecider).when(setPrices()).thenRefused('model_not_found');
  });
});

describe('the prices at one moment', () => {
  const versionAt = (at: EpochMs, ...events: CatalogueEvent[]) => {
    const model = findModel(stateAfter(catalogueDecider, [registered, ...events]), modelId);
    return model && currentPrices(model, at)?.version;
  };

  it('are none before the first ones take effect', () => {
    expect(versionAt(NOW)).toBeUndefined();
    expect(versionAt(epochMs(NOW - 1), pricesSet(1, NOW))).toBeUndefined();
    expect(versionAt(NOW, pricesSet(1, NOW))).toBe(1);
  });

  it('are those that began last', () => {
    const history = [pricesSet(1, NOW), pricesSet(2, later(100))];
    expect(versionAt(later(99), ...history)).toBe(1);
    expect(versionAt(later(100), ...history)).toBe(2);
  });

  it('come into force when they were set to, whatever was set since', () => {
    const history = [pricesSet(1, NOW), pricesSet(2, later(100)), pricesSet(3, later(50)), pricesSet(4, later(70))];
    expect([49, 50, 69, 70, 99, 100, 500].map((ms) => versionAt(later(ms), ...history))).toEqual([1, 3, 3, 4, 4, 2, 2]);
  });

  it('of two that begin together are the newer', () => {
    expect(versionAt(later(100), pricesSet(1, later(100)), pricesSet(2, later(100)))).toBe(2);
  });

  it('are not those that were withdrawn', () => {
    const history = [pricesSet(1, NOW), pricesSet(2, later(100)), pricesSet(3, later(50)), withdrawn(2)];
    expect(versionAt(later(100), ...history)).toBe(3);
  });

  it('of a record from before are as they were: what was newer replaced what was to begin later', () => {
    const history = [
      pricesSet(1, NOW),
      pricesSet(2, later(100), { replacesLater: true }),
      pricesSet(3, later(50), { replacesLater: true }),
      pricesSet(4, later(200), { replacesLater: true }),
    ];
    expect([49, 50, 100, 199, 200].map((ms) => versionAt(later(ms), ...history))).toEqual([1, 3, 3, 3, 4]);
  });
});

describe('withdrawing prices', () => {
  const withdraw = (version: number, at = NOW) => ({ type: 'WithdrawPrices', at, modelId, version }) as const;
  const scheduled = [registered, pricesSet(1, NOW), pricesSet(2, later(100))];

  it('is for those that have not begun', () => {
    given(catalogueDecider, ...scheduled)
      .when(withdraw(2))
      .then(withdrawn(2))
      .andNothingWhenRepeated();
    for (const command of [withdraw(1), withdraw(2, later(100))])
      given(catalogueDecider, ...scheduled)
        .when(command)
        .thenRefused('prices_in_force');
  });

  it('needs a model that has them', () => {
    given(catalogueDecider, ...scheduled)
      .when(withdraw(3))
      .thenRefused('price_version_not_found');
    given(catalogueDecider).when(withdraw(1)).thenRefused('model_not_found');
  });

  it('leaves their number taken', () => {
    given(catalogueDecider, ...scheduled, withdrawn(2))
      .when(setPrices({ prices: { input: usd('9'), output: usd('9') } }))
      .then(pricesSet(3, NOW, { input: usd('9'), cachedInput: usd('9'), cacheWrite: usd('9'), output: usd('9') }));
  });

  it('lets them be set again', () => {
    given(catalogueDecider, ...scheduled, withdrawn(2))
      .when(setPrices({ effectiveFrom: later(100) }))
      .then(pricesSet(3, later(100)));
  });
});
