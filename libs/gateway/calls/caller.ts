import type { ResponseCache } from '#identity';
import type { AnthropicHeaders } from '#inference/anthropic';
import type { ApiKeyId, ModelId, OrganizationId, ProjectId, RequestId } from '#kernel';
import type { KeyOwner } from '#ledger';
import type { RoutingWish } from '../routing/router';

/** Who makes a call, as authentication found it, and the request that it came in. */
export interface Caller {
  readonly orgId: OrganizationId;
  readonly projectId: ProjectId;
  readonly keyId: ApiKeyId;
  readonly keyOwner?: KeyOwner;
  readonly models?: readonly ModelId[];
  readonly requestId: RequestId;
  /** The client's own id: recorded and echoed, never identity. */
  readonly clientRequestId?: string;
  readonly traceparent?: string;
  /** What the client says in headers of Anthropic's API. */
  readonly anthropic?: AnthropicHeaders;
  readonly routing: RoutingWish;
  readonly idempotencyKey?: string;
  /** Whether the organization lets answers be kept for a repeated Idempotency-Key. */
  readonly allowsStoredAnswers: boolean;
  /** The organization's policy; absent: equal requests are run again. */
  readonly responseCache?: ResponseCache;
  /** The client wants its own run: `Cache-Control: no-cache` or `no-store`. */
  readonly bypassesCache: boolean;
  /** Monotonic time of the request's arrival. */
  readonly arrivedMs: number;
}
