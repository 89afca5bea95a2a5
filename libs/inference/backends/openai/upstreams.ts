import { Pool } from 'undici';
import type { Backend } from '../../catalogue/types';
import type { UpstreamOperation } from '../port';

/** Where a backend's operations are served. */
export interface Upstream {
  readonly pool: Pool;
  readonly paths: Readonly<Record<UpstreamOperation, string>>;
}

/** The path of each operation below a backend's base URL. */
export type OperationPaths = Readonly<Record<UpstreamOperation, string>>;

/** Beyond this the oldest pool is closed: origins of backends that were changed or removed. */
const POOLS_MAX = 256;

/** One pool of connections per origin and connect timeout, made when it is first needed. */
export class Upstreams {
  readonly #pools = new Map<string, Pool>();
  readonly #byUrl = new Map<string, Upstream>();

  constructor(private readonly paths: OperationPaths) {}

  find(backend: Pick<Backend, 'baseUrl' | 'timeouts'>): Upstream {
    const { connectMs } = backend.timeouts;
    const key = `${connectMs} ${backend.baseUrl}`;
    const known = this.#byUrl.get(key);
    if (known !== undefined) return known;
    const url = new URL(backend.baseUrl);
    const base = url.pathname.replace(/\/+$/, '');
    const path = (name: string) => `${base}/${name}${url.search}`;
    const upstream: Upstream = {
      pool: this.#pool(url.origin, connectMs),
      paths: {
        chat: path(this.paths.chat),
        completion: path(this.paths.completion),
        embedding: path(this.paths.embedding),
      },
    };
    this.#byUrl.set(key, upstream);
    return upstream;
  }

  async close(): Promise<void> {
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    this.#byUrl.clear();
    await Promise.all(pools.map((pool) => pool.close()));
  }

  #pool(origin: string, connectMs: number): Pool {
    const key = `${connectMs} ${origin}`;
    const known = this.#pools.get(key);
    if (known !== undefined) return known;
    if (this.#pools.size >= POOLS_MAX) this.#evictOldest();
    // The exchange watches time until the first byte and between bytes: undici's own 300 s are turned off.
    const pool = new Pool(origin, {
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: { timeout: connectMs },
      pipelining: 1,
    });
    this.#pools.set(key, pool);
    return pool;
  }

  #evictOldest(): void {
    const [oldest] = this.#pools;
    if (oldest === undefined) return;
    const [key, pool] = oldest;
    this.#pools.delete(key);
    for (const [url, upstream] of this.#byUrl) if (upstream.pool === pool) this.#byUrl.delete(url);
    // Calls that are open on it end first; a pool that cannot be closed has no more to lose.
    pool.close().catch(() => undefined);
  }
}
