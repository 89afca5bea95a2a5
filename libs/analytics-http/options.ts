import type { ControlPlane } from '#control';
import type { Clock } from '#kernel';
import type { ReadSideClient } from '#read-side';

export interface AnalyticsHttpOptions {
  readonly control: ControlPlane;
  readonly readSide: ReadSideClient;
  readonly clock: Pick<Clock, 'now'>;
}

export const ANALYTICS_HTTP_OPTIONS = Symbol('analytics http options');
