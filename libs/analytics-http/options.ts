import type { ControlPlane } from '#control';
import type { RequestRates } from '#http-edge';
import type { EpochMs, OrganizationId } from '#kernel';
import type { ReadSideClient } from '#read-side';

export interface AnalyticsHttpOptions {
  readonly control: ControlPlane;
  /** Limits what is refused, and what API keys read. */
  readonly rates: RequestRates;
  readonly readSide: ReadSideClient;
  /** Ledger time, which ranges end with: a clock that was set back would leave out what is newest. */
  readonly timeOf: (orgId: OrganizationId) => EpochMs;
}

export const ANALYTICS_HTTP_OPTIONS = Symbol('analytics http options');
