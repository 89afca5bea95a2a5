import type { BackendService } from '#inference/catalogue';
import type { BackendId, CallId, EpochMs, ModelId, OrganizationId } from '#kernel';

/** How well a backend is, as the process that sends calls there sees it. */
export interface RoutedBackend {
  readonly backendId: BackendId;
  readonly name: string;
  readonly service: BackendService;
  readonly circuit: 'closed' | 'half-open' | 'open';
  readonly consecutiveFailures: number;
  readonly lastFailure?: string;
  readonly lastCheckedAt?: EpochMs;
  readonly ownCircuits: readonly {
    readonly orgId: OrganizationId;
    readonly model: ModelId;
    readonly circuit: 'closed' | 'half-open' | 'open';
    readonly consecutiveFailures: number;
    readonly lastFailure?: string;
  }[];
}

/** Where one attempt of a call was sent, and how that went. */
export interface RoutedAttempt {
  readonly at: EpochMs;
  readonly callId: CallId;
  readonly model: string;
  readonly backend: string;
  readonly decision: 'primary' | 'failover' | 'override';
  readonly failure?: string;
}

/** What operators may ask of whoever chooses backends for calls. It answers from memory, since its last start. */
export interface RoutingInsight {
  statuses(): readonly RoutedBackend[];
  /** Newest first. */
  recentDecisions(limit: number): readonly RoutedAttempt[];
}
