import { Pool } from 'undici';
import type { Backend } from '../../catalogue/types';
import type { UpstreamOperation } from '../port';

/** Where a backend's operations are served. */
export interface Upstream {
  readonly pool: Pool;
  readonly paths: Readonly<Record<UpstreamOperation, string>>;
}

/** Pools of origins that no longer belong to a backend are closed when there are more than this. */
const POOLS_MAX = 256;

/** One pool of connections per origin, made when it is first needed. */
export class Upstreams {
  readonly #pools = new Map<string, Pool>();
  readonly #byUrl = new Map<string, Upstream>();

  find(backend: Pick<Backend, 'baseUrl' | 'timeouts'>): Upstream {
    const known = this.#byUrl.get(backend.baseUrl);
    if (known !== undefined) return known;
    const url = new URL(backend.baseUrl);
    const base = url.pathname.replace(/\/+$/, '');
    const path = (name: string) => `${base}/${name}${url.search}`;
    const upstream: Upstream = {
      pool: this.#pool(url.origin, backend.timeouts.connectMs),
      paths: { chat: path('chat/completions'), completion: path('completions'), embedding: path('embeddings') },
    };
    this.#byUrl.set(backend.baseUrl, upstream);
    return upstream;
  }

  async close(): Promise<void> {
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    this.#byUrl.clear();
    await Promise.all(pools.map((pool) => pool.close()));
  }

  #pool(origin: string, connectMs: number): Pool {
    const known = this.#pools.get(origin);
    if (known !== undefined) return known;
    if (this.#pools.size >= POOLS_MAX) this.#evictOldest();
    // Time is watched per call, since backends on one origin may differ: undici's own defaults of 300 s are turned off.
    const pool = new Pool(origin, {
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: { timeout: Math.max(connectMs, 1_000) },
      pipelining: 1,
    });
    this.#pools.set(origin, pool);
    return pool;
  }

  #evictOldest(): void {
    const [oldest] = this.#pools;
    if (oldest === undefined) return;
    const [origin, pool] = oldest;
    this.#pools.delete(origin);
    for (const [url, upstream] of this.#byUrl) if (upstream.pool === pool) this.#byUrl.delete(url);
    // Calls that are open on it end first; a pool that cannot be closed has no more to lose.
    pool.close().catch(() => undefined);
  }
}
