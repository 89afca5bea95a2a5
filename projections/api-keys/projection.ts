import type { ApiKeyEvent } from '#identity/api-key';
import type { DecodedEvent } from '#kernel';
import type { LedgerEvent } from '#ledger';
import { type Fold, type Projection, projection, put } from '#read-store';
import { apiKeyEvents, ledgerEvents } from '../sources';
import { evolveKey, evolveUse, type UseEvent } from './evolve';
import { apiKeysTable } from './table';

const lives: Fold<ApiKeyEvent> = {
  source: apiKeyEvents,
  types: new Set(apiKeyEvents.codec.types),
  touches: ({ event }) => [{ table: apiKeysTable, id: event.data.keyId }],
  evolve: (event, documents) => {
    const { keyId } = event.event.data;
    const key = evolveKey(documents.get(apiKeysTable, keyId), event);
    return key === undefined ? [] : [put(apiKeysTable, keyId, key)];
  },
};

const uses: Fold<LedgerEvent> = {
  source: ledgerEvents,
  types: new Set<UseEvent['type']>(['InferenceAuthorized', 'InferenceRefused', 'RefusalsCounted']),
  touches: ({ event }) => [{ table: apiKeysTable, id: (event as UseEvent).data.keyId }],
  evolve: (event, documents) => {
    const use = event as DecodedEvent<UseEvent>;
    const { keyId } = use.event.data;
    return [put(apiKeysTable, keyId, evolveUse(documents.get(apiKeysTable, keyId), use))];
  },
};

export const API_KEYS_VIEW = 'api-keys';
export const apiKeysProjection: Projection = projection(API_KEYS_VIEW, 1, [apiKeysTable], [lives, uses]);
