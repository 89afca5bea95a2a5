import { Pool } from 'undici';

export interface PeerConnectionsOptions {
  readonly peersMax: number;
  readonly connectionsPerPeerMax: number;
  readonly answerBytesMax: number;
  readonly connectMsMax: number;
}

/** Connections to the other gateways, kept between requests. */
export class PeerConnections {
  /** The one used longest ago comes first. */
  private readonly pools = new Map<string, Pool>();

  constructor(private readonly options: PeerConnectionsOptions) {}

  to(origin: string): Pool {
    const pool = this.pools.get(origin) ?? this.open(origin);
    this.pools.delete(origin);
    this.pools.set(origin, pool);
    this.closeOldest();
    return pool;
  }

  /** Requests under way are cut off: whoever waits for them hears that their outcome is unknown. */
  async close(): Promise<void> {
    const pools = [...this.pools.values()];
    this.pools.clear();
    await Promise.all(pools.map((pool) => pool.destroy()));
  }

  private open(origin: string): Pool {
    const { connectionsPerPeerMax, answerBytesMax, connectMsMax } = this.options;
    return new Pool(origin, {
      connections: connectionsPerPeerMax,
      // Commands of different ledgers must not wait for one another's answers.
      pipelining: 1,
      maxResponseSize: answerBytesMax,
      connect: { timeout: connectMsMax },
    });
  }

  private closeOldest(): void {
    for (const [origin, pool] of this.pools) {
      if (this.pools.size <= this.options.peersMax) return;
      this.pools.delete(origin);
      // Requests that are open on it end first; a pool that cannot be closed has no more to lose.
      pool.close().catch(() => undefined);
    }
  }
}
