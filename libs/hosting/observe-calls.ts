import { systemClock } from '#environment';
import type { CallObserver } from '#gateway';
import type { RequestRates } from '#http-edge';
import { type Logger, type Metrics, observeCalls } from '#telemetry';

/** Observes calls, and counts those that nobody paid for against the rates of their key. */
export function observeAndLimit(
  logger: Logger,
  metrics: Metrics,
  rates: RequestRates,
): Pick<CallObserver, 'ended' | 'failed'> {
  const observed = observeCalls(logger, metrics, systemClock);
  return {
    ...observed,
    ended(call) {
      observed.ended(call);
      if (call.outcome === 'refused' && call.status < 500) rates.countRefused(call.caller.keyId);
      if (call.outcome === 'replayed') rates.countFree(call.caller.keyId);
    },
  };
}
