import type { PickedRoute } from '#inference';
import { classifyTrouble, type UpstreamTrouble, unbilledErrorsOf } from '#inference/backends';
import type { BackendId } from '#kernel';
import type { AdmittedCall } from './admitted-call';
import { chooseRoute } from './choose-route';
import type { MeteredRequest } from './dialect';

/** A connection that took longer to fail is not tried again: the client has waited enough. */
const FAILED_FAST_MS = 1_000;

/** What a call has tried so far. */
export interface Attempts {
  readonly count: number;
  readonly backends: ReadonlySet<BackendId>;
}

export interface NextAttempt {
  /** Absent: where it went before. */
  readonly picked?: PickedRoute;
  readonly waitMs: number;
  /** Not over a connection that was kept. */
  readonly freshConnection: boolean;
}

/**
 * Where a call goes after a failure that is proven to cost nothing: to a backend that was not tried yet, else, after a
 * pause that doubles, once more to one that could not be reached. A connection that was stale says nothing about its
 * backend, which is asked over a new one. Undefined when the call ends here.
 */
export function nextAttempt<R extends MeteredRequest>(
  call: AdmittedCall<R>,
  trouble: UpstreamTrouble,
  tookMs: number,
  { count, backends }: Attempts,
): NextAttempt | undefined {
  const { deps, model, caller, dialect, request, connection } = call;
  const { attemptsMax, retryPauseMs } = deps.settings;
  if (!classifyTrouble(trouble, unbilledErrorsOf(call.backend)).mayFailOver || count >= attemptsMax) return undefined;
  if (deps.cut.isCut || (connection.isGone && !call.keeper.runsOn)) return undefined;
  if (trouble.kind === 'stale-connection') return { waitMs: 0, freshConnection: true };
  if (caller.routing.onlyBackend === undefined) {
    const another = chooseRoute(deps, dialect, request, model, caller, backends);
    if (another.ok) return { picked: another.picked, waitMs: 0, freshConnection: false };
  }
  if (trouble.kind !== 'connect-failed' || tookMs > FAILED_FAST_MS) return undefined;
  const again = chooseRoute(deps, dialect, request, model, caller);
  if (!again.ok) return undefined;
  return { picked: again.picked, waitMs: retryPauseMs * 2 ** (count - 1), freshConnection: false };
}
