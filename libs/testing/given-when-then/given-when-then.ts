import { deepStrictEqual, fail, notStrictEqual, strictEqual } from 'node:assert/strict';
import type { Decider, Decision, DomainEvent, Refusal } from '#kernel';

/**
 * Specs of pure deciders, read as sentences:
 *
 *     given(decider, registered).when(rename('Acme')).then(renamed('Acme')).andNothingWhenRepeated();
 *     given(decider).when(rename('Acme')).thenRefused('organization_not_found');
 *
 * Assertions are Node's own, so that the kit also serves the simulation, where no test runner is.
 */
export interface When<C, E extends DomainEvent, R extends Refusal> {
  when(command: C): Then<E, R>;
}

export interface Then<E extends DomainEvent, R extends Refusal> {
  /** Exactly these events, in this order; an absent field and one that is `undefined` differ. */
  then(...events: readonly [E, ...E[]]): Decided;
  /** Accepted without an event: it was already so. */
  thenNothing(): void;
  /** Refused with this code and, when given, exactly these details. */
  thenRefused(code: R['code'], details?: R['details']): void;
}

export interface Decided {
  /** The same command on what it brought about decides nothing, so that a retry needs no second table. */
  andNothingWhenRepeated(): void;
}

/** Folds a history into the state that a decider would have. */
export function stateAfter<C, S, E extends DomainEvent, R extends Refusal>(
  decider: Decider<C, S, E, R>,
  events: readonly E[],
): S {
  return events.reduce((state, event) => decider.evolve(state, event), decider.initialState);
}

/** The events of an acceptance; a refusal fails the spec with its own words. */
function eventsOf<E extends DomainEvent, R extends Refusal>(decision: Decision<E, R>): readonly E[] {
  if (!decision.ok) fail(`refused with ${decision.refusal.code}: ${decision.refusal.message}`);
  return decision.events;
}

function expectRefusal<E extends DomainEvent, R extends Refusal>(
  decision: Decision<E, R>,
  code: R['code'],
  details: R['details'] | undefined,
): void {
  if (decision.ok) {
    const types = decision.events.map((event) => event.type).join(', ');
    fail(`expected the refusal ${code}, but it was accepted with ${types === '' ? 'no event' : types}`);
  }
  strictEqual(decision.refusal.code, code);
  notStrictEqual(decision.refusal.message.trim(), '', `the refusal ${code} says nothing to the reader`);
  if (details !== undefined) deepStrictEqual(decision.refusal.details, details);
}

/** `then` is the sentence's third word here, and no promise's: a decision is taken at once and never awaited. */
const THEN = 'then';

/** Starts a spec from what has happened so far. */
export function given<C, S, E extends DomainEvent, R extends Refusal>(
  decider: Decider<C, S, E, R>,
  ...history: readonly E[]
): When<C, E, R> {
  return {
    when(command) {
      const state = stateAfter(decider, history);
      const decision = decider.decide(command, state);
      deepStrictEqual(decider.decide(command, state), decision, 'the same command on the same state decided otherwise');
      return {
        [THEN]: (...events) => {
          deepStrictEqual(eventsOf(decision), events);
          return {
            andNothingWhenRepeated: () =>
              deepStrictEqual(
                eventsOf(decider.decide(command, stateAfter(decider, [...history, ...events]))),
                [],
                'the repeated command decided events again',
              ),
          };
        },
        thenNothing: () => deepStrictEqual(eventsOf(decision), []),
        thenRefused: (code, details) => expectRefusal(decision, code, details),
      };
    },
  };
}
