import { Client, type Dispatcher, Pool } from 'undici';
import type { Backend } from '../../catalogue/types';
import type { AddressGuard } from '../address-guard';
import type { UpstreamOperation } from '../port';
import type { Connection } from './connection';

/** A request that is told which connection it is given to, before it is written. */
export interface ObservedOptions extends Dispatcher.DispatchOptions {
  readonly onConnection?: (connection: Connection) => void;
}

/** One connection at a time, which knows how many requests it has served. */
class CountingClient extends Client implements Connection {
  #served = 0;

  constructor(origin: string | URL, options: Client.Options) {
    super(origin, options);
    this.on('connect', () => {
      this.#served = 0;
    });
  }

  serve(): boolean {
    this.#served += 1;
    return this.#served > 1;
  }

  override dispatch(options: ObservedOptions, handler: Dispatcher.DispatchHandler): boolean {
    options.onConnection?.(this);
    return super.dispatch(options, handler);
  }
}

/** Where a backend's operations are served. */
export interface Upstream {
  readonly pool: Pool;
  /** A connection for one call; to be closed once the call is dispatched, which waits for its end. */
  readonly single: () => Client;
  /** Whether the address may be a backend's, as far as its URL tells. */
  readonly isAllowed: boolean;
  readonly paths: Readonly<Record<UpstreamOperation, string>>;
}

/** The path of each operation below a backend's base URL. */
export type OperationPaths = Readonly<Record<UpstreamOperation, string>>;

/** Beyond this the oldest pool is closed: origins of backends that were changed or removed. */
const POOLS_MAX = 256;

/** The exchange watches time until the first byte and between bytes: undici's own 300 s are turned off. */
function connectionOptions(connectMs: number, { lookup }: AddressGuard) {
  return { headersTimeout: 0, bodyTimeout: 0, connect: { timeout: connectMs, lookup }, pipelining: 1 };
}

/** One pool of connections per origin and connect timeout, made when it is first needed. */
export class Upstreams {
  readonly #pools = new Map<string, Pool>();
  readonly #byUrl = new Map<string, Upstream>();

  constructor(
    private readonly paths: OperationPaths,
    private readonly guard: AddressGuard,
  ) {}

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
      isAllowed: this.guard.refusalOf(url) === undefined,
      single: () => new CountingClient(url.origin, connectionOptions(connectMs, this.guard)),
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
    const pool = new Pool(origin, {
      ...connectionOptions(connectMs, this.guard),
      factory: (url, options) => new CountingClient(url, options),
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
