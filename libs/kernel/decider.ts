import type { DomainEvent } from './event';

/** An expected "no": a stable code from a closed list, and a sentence that says what to do. A throw is a bug instead. */
export interface Refusal<Code extends string = string, Details = unknown> {
  readonly code: Code;
  readonly message: string;
  readonly details?: Details;
}

export type Decision<E extends DomainEvent, R extends Refusal> =
  | { readonly ok: true; readonly events: readonly E[] }
  | { readonly ok: false; readonly refusal: R };

/** Accepts a command with the events that record it; none when it was already so. */
export function accepted<E extends DomainEvent>(...events: readonly E[]): { ok: true; events: readonly E[] } {
  return { ok: true, events };
}

export function refused<R extends Refusal>(refusal: R): { ok: false; refusal: R } {
  return { ok: false, refusal };
}

/**
 * The pure heart of an aggregate. Time, ids and randomness arrive in the command; a repeated command decides no events.
 */
export interface Decider<C, S, E extends DomainEvent, R extends Refusal> {
  readonly initialState: S;
  decide(command: C, state: S): Decision<E, R>;
  evolve(state: S, event: E): S;
}

/** Proves to the compiler that a union was handled in full. @throws Error when reached, which is a bug. */
export function assertNever(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
