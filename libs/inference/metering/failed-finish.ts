import { foreignText } from '#kernel';
import type { BackendError, GarbageReason } from '../backends/trouble';
import type { SeenOutput, UsageReading } from './facts';

/** Reasons for which no answer finishes, in the words of the servers and proxies that give them. */
const FAILURES: ReadonlySet<string> = new Set([
  'error',
  'abort',
  'aborted',
  'cancelled',
  'canceled',
  'timeout',
  'network_error',
  'insufficient_system_resource',
  'malformed_function_call',
]);

const REASON_BYTES_MAX = 64;

export type FailedFinish =
  /** It failed before it had generated anything. */
  | { readonly kind: 'backend-error'; readonly error: BackendError }
  /** What it had generated is billed, and is no answer. */
  | { readonly kind: 'garbage'; readonly reason: GarbageReason };

export function isFailure(reason: unknown): reason is string {
  return typeof reason === 'string' && FAILURES.has(reason.toLowerCase());
}

/**
 * Whether an answer that says that it has finished says as well that it failed; undefined for one that did not. Of
 * several choices all have to have failed: whoever reads the others reads their reasons.
 */
export function failedFinish(
  reasons: readonly unknown[],
  usage: UsageReading,
  seen: SeenOutput,
): FailedFinish | undefined {
  const [reason] = reasons;
  if (!isFailure(reason) || !reasons.every(isFailure)) return undefined;
  const hasGenerated =
    seen.textBytes > 0 || seen.isPartial === true || (usage.kind === 'reported' && usage.usage.output > 0);
  return hasGenerated
    ? { kind: 'garbage', reason: 'failed-finish' }
    : { kind: 'backend-error', error: { code: foreignText(reason, REASON_BYTES_MAX) } };
}
