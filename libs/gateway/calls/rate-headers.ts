import type { ApiKeyId, EpochMs } from '#kernel';
import { type LedgerState, ledgerTime, rateViews } from '#ledger';

/** A duration as OpenAI's clients read it: `6m0s`, `12s`, `350ms`. */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${Math.ceil(ms)}ms`;
  const seconds = Math.ceil(ms / 1_000);
  const hours = Math.floor(seconds / 3_600);
  const minutes = Math.floor((seconds % 3_600) / 60);
  if (hours > 0) return `${hours}h${minutes}m${seconds % 60}s`;
  return minutes > 0 ? `${minutes}m${seconds % 60}s` : `${seconds}s`;
}

/** The rate-limit headers of an answer, from the ledger as the call's decision left it. */
export function rateHeaders(state: LedgerState, keyId: ApiKeyId, now: EpochMs): Record<string, string> {
  // The buckets fill in ledger time: a clock that was set back would show them as they stood long ago.
  const at = ledgerTime(state, now);
  const headers: Record<string, string> = {};
  for (const { unit, limit, remaining, resetMs } of rateViews(state, keyId, at)) {
    headers[`x-ratelimit-limit-${unit}`] = String(limit);
    headers[`x-ratelimit-remaining-${unit}`] = String(remaining);
    headers[`x-ratelimit-reset-${unit}`] = formatDuration(resetMs);
    if (unit !== 'requests') continue;
    headers['x-ratelimit-limit'] = String(limit);
    headers['x-ratelimit-remaining'] = String(remaining);
    headers['x-ratelimit-reset'] = String(Math.ceil(resetMs / 1_000));
  }
  return headers;
}
