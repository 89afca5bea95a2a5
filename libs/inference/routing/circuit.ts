import type { EpochMs } from '#kernel';

/**
 * A circuit breaker: it opens after a run of failures that were the backend's own, lets one call through
 * after a pause (half open), and closes when that succeeds. Times are monotonic milliseconds.
 */
export interface Circuit {
  /** Failures in a row. */
  readonly failures: number;
  /** When it opened; absent while it is closed. */
  readonly openedAtMs?: number;
  /** When the trial call of a half-open circuit went out; absent while none is under way. */
  readonly trialAtMs?: number;
  readonly lastFailure?: string;
  readonly lastCheckedAt?: EpochMs;
}

export const CLOSED_CIRCUIT: Circuit = { failures: 0 };

export interface CircuitSettings {
  readonly failuresMax: number;
  readonly openMs: number;
}

export const DEFAULT_CIRCUIT_SETTINGS: CircuitSettings = { failuresMax: 5, openMs: 10_000 };

export type CircuitStatus = 'closed' | 'half-open' | 'open';

export function circuitStatus(circuit: Circuit, nowMs: number, settings: CircuitSettings): CircuitStatus {
  if (circuit.openedAtMs === undefined) return 'closed';
  if (nowMs < circuit.openedAtMs + settings.openMs) return 'open';
  // A trial that never came back must not keep the circuit half open for ever.
  const isTrialRunning = circuit.trialAtMs !== undefined && nowMs < circuit.trialAtMs + settings.openMs;
  return isTrialRunning ? 'open' : 'half-open';
}

/** A call is sent through a half-open circuit: no other is until it is known how it went. */
export function withTrial(circuit: Circuit, nowMs: number): Circuit {
  return circuit.openedAtMs === undefined ? circuit : { ...circuit, trialAtMs: nowMs };
}

/** The trial came to nothing that says anything: the next call may be one. */
export function withoutTrial(circuit: Circuit): Circuit {
  const { trialAtMs, ...rest } = circuit;
  return trialAtMs === undefined ? circuit : rest;
}

/** Something else than a call found the backend alive: the pause is over, and one call may find out about the rest. */
export function afterSignOfLife(circuit: Circuit, nowMs: number, settings: CircuitSettings): Circuit {
  const { openedAtMs, trialAtMs: _trial, ...rest } = circuit;
  return openedAtMs === undefined ? circuit : { ...rest, openedAtMs: Math.min(openedAtMs, nowMs - settings.openMs) };
}

/**
 * The trial has begun to answer: others need not wait for its end, which may be minutes away. The run of failures is not
 * forgotten, so that the next one opens the circuit again.
 */
export function afterFirstOutput(circuit: Circuit, settings: CircuitSettings): Circuit {
  const { openedAtMs, trialAtMs: _trial, ...rest } = circuit;
  return openedAtMs === undefined ? circuit : { ...rest, failures: settings.failuresMax - 1 };
}

export function afterSuccess(circuit: Circuit): Circuit {
  return circuit.failures === 0 && circuit.openedAtMs === undefined ? circuit : CLOSED_CIRCUIT;
}

export function afterFailure(circuit: Circuit, reason: string, nowMs: number, settings: CircuitSettings): Circuit {
  const failures = circuit.failures + 1;
  const opens = circuit.openedAtMs !== undefined || failures >= settings.failuresMax;
  return { failures, lastFailure: reason, ...(opens ? { openedAtMs: nowMs } : {}) };
}
