import { type EpochMs, epochMs } from '#kernel';
import type { LedgerEventOf } from '../events';
import { type ExpiringMap, shifted } from '../expiring-map';
import type { LedgerState } from '../state';

/**
 * Everything that was to happen some time after the wrong present happens as long after the right one. Periods stay as
 * they were opened: one that was opened too early goes on until it ends, for what an earlier one had counted may be
 * forgotten, and to open that again would give its budget twice.
 */
export function timeCorrected(state: LedgerState, { data }: LedgerEventOf<'LedgerTimeCorrected'>): LedgerState {
  const byMs = data.from - data.to;
  const earlier = (at: EpochMs) => epochMs(at - byMs);
  const soon = <V>(map: ExpiringMap<V>) => shifted(map, byMs);
  return {
    ...state,
    time: data.to,
    buckets: state.buckets.map((bucket) => ({ ...bucket, at: earlier(bucket.at) })),
    unresolved: state.unresolved.map((call) => ({ ...call, since: earlier(call.since) })),
    refusals: soon(state.refusals),
    recentKeys: soon(state.recentKeys),
    resolvedKeys: soon(state.resolvedKeys),
    ended: soon(state.ended),
    resolved: soon(state.resolved),
  };
}
