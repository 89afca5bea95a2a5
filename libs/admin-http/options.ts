import type { ControlPlane } from '#control';
import type { RequestRates } from '#http-edge';
import type { BodyMemory } from '#http-server';
import type { RequestId } from '#kernel';
import type { RoutingInsight } from './routing-insight';

export interface AdminHttpOptions {
  readonly control: ControlPlane;
  /** Limits what is refused, and what is only repeated. */
  readonly rates: RequestRates;
  /** What bodies may take, on all planes together. Default: a part of the heap, for this plane alone. */
  readonly bodyMemory?: BodyMemory;
  /** Of a process that sends calls to backends itself. */
  readonly router?: RoutingInsight;
  /** Why a backend may not lead to an address, as far as its URL tells. */
  readonly refusalOfBaseUrl?: (url: URL) => string | undefined;
  /** Told about mistakes of the platform, which clients see as 500 without more; for the log. */
  readonly onUnexpected?: (error: unknown, requestId: RequestId | undefined) => void;
}

export const ADMIN_HTTP_OPTIONS = Symbol('admin http options');
