import type { ApiKeyId, Clock, SystemTokenId } from '#kernel';
import { clientNetwork } from './client-network';
import { type Rate, TokenBuckets } from './token-buckets';

/** Keys, tokens and addresses that are told apart at once: a few megabytes. */
const KEYS_MAX = 20_000;
const ADDRESSES_MAX = 20_000;

/** How many times its rate somebody may do at once who was quiet before. */
const BURST_SECONDS = 10;

/** What an authenticated request is counted under, wherever it came from. */
export type CredentialId = ApiKeyId | SystemTokenId;

export interface RequestRatesOptions {
  /** Of each key, token and, without one, each address. */
  readonly refusedPerSecond: number;
  /** Of each key. */
  readonly freePerSecond: number;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** Told what was turned away for its rate; for metrics. */
  readonly onThrottled?: (what: ThrottledRequest) => void;
}

export const THROTTLED_REQUESTS = ['unauthenticated', 'refused', 'free'] as const;
export type ThrottledRequest = (typeof THROTTLED_REQUESTS)[number];

/**
 * Limits what nobody pays for, in this process: requests that are refused, and those that are answered without running a
 * model. A request with a credential counts for that credential, whatever address it shares with others; only one without
 * counts for its address. Calls that are admitted count nowhere here: the ledger limits them. So whoever is refused now
 * and then loses nothing, and nobody loses anything by what others do.
 */
export class RequestRates {
  private readonly unauthenticated: TokenBuckets<string>;
  private readonly refused: TokenBuckets<CredentialId>;
  private readonly free: TokenBuckets<CredentialId>;

  constructor(private readonly options: RequestRatesOptions) {
    const { refusedPerSecond, freePerSecond, clock } = options;
    const nowMs = () => clock.monotonicMs();
    const rate = (perSecond: number): Rate => ({ perSecond, burst: perSecond * BURST_SECONDS });
    this.unauthenticated = new TokenBuckets(rate(refusedPerSecond), ADDRESSES_MAX, nowMs);
    this.refused = new TokenBuckets(rate(refusedPerSecond), KEYS_MAX, nowMs);
    this.free = new TokenBuckets(rate(freePerSecond), KEYS_MAX, nowMs);
  }

  /** A request that is nobody's is about to be refused. @returns 0, or how long its address is refused in short. */
  takeUnauthenticated(address: string): number {
    return this.throttled('unauthenticated', this.unauthenticated.take(clientNetwork(address)));
  }

  /** Whether an address has been refused too often, before anything costly is done for it. @returns as above. */
  untilUnauthenticated(address: string): number {
    return this.throttled('unauthenticated', this.unauthenticated.waitMs(clientNetwork(address)));
  }

  /** The same for one whose secret was right, though it lets nobody in: that is its holder's doing, not its address'. */
  takeRefused(id: CredentialId): number {
    return this.throttled('refused', this.refused.take(id));
  }

  /** A request of a credential was let in and then refused, but not for its rate: that costs no more. */
  countRefused(id: CredentialId): void {
    this.refused.charge(id);
  }

  /** Before a request is looked at. @returns 0, or how long its credential has to wait for having been refused so often. */
  untilAllowed(id: CredentialId): number {
    return this.throttled('refused', this.refused.waitMs(id));
  }

  /** Before a request is answered that costs its sender nothing. @returns 0, or how long to wait. */
  takeFree(id: CredentialId): number {
    return this.throttled('free', this.free.take(id));
  }

  /** As `takeFree`, for what only may turn out to cost nothing; `countFree` says that it did. */
  untilFree(id: CredentialId): number {
    return this.throttled('free', this.free.waitMs(id));
  }

  countFree(id: CredentialId): void {
    this.free.charge(id);
  }

  private throttled(what: ThrottledRequest, waitMs: number): number {
    if (waitMs > 0) this.options.onThrottled?.(what);
    return waitMs;
  }
}
