import type { ClientBody } from '#inference';
import type { Endpoint } from '#ledger';
import type { Caller } from './caller';
import type { CallDependencies } from './ports';
import type { CacheHit } from './response-cache';

export interface CacheLookup {
  /** Under which the answer of this call may be reused; absent when it neither reads nor feeds the cache. */
  readonly key?: string;
  readonly hit?: CacheHit;
}

/** What the response cache has for a call. A cache that cannot be read costs a call, and never refuses one. */
export async function lookUpCached(
  { responseCache, observer }: Pick<CallDependencies, 'responseCache' | 'observer'>,
  endpoint: Endpoint,
  body: ClientBody,
  caller: Caller,
): Promise<CacheLookup> {
  try {
    const key = await responseCache.keyOf(caller, endpoint, body);
    if (key === undefined) return {};
    const hit = await responseCache.find(caller, key);
    return hit === undefined ? { key } : { key, hit };
  } catch (error) {
    observer.failed(error, caller);
    return {};
  }
}
