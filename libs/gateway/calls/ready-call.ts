import type { Caller } from './caller';
import type { ClientConnection } from './client-connection';
import type { Dialect, MeteredRequest } from './dialect';
import type { KeyedCall } from './keyed-answers';
import type { Plan } from './plan';
import type { RefusedCall } from './refused-call';

/** A call that is understood and planned; the next to be asked is the ledger. */
export interface ReadyCall<R extends MeteredRequest> {
  readonly dialect: Dialect<R>;
  readonly request: R;
  readonly caller: Caller;
  readonly connection: ClientConnection;
  readonly plan: Plan;
  readonly refused: RefusedCall<R>;
  readonly keyed?: KeyedCall;
  /** Under which its answer is kept for reuse. */
  readonly cacheKey?: string;
}
