import fc from 'fast-check';
import { canonicalJson, composeEventId, type EpochMs, epochMs, nanoUsd, type StreamName } from '#kernel';
import { CarryCollector, carrySet, carryText, stateFromCarryText } from './carry';
import type { LedgerCommand } from './commands';
import { decide } from './decide';
import { ledgerCodec, type Touch } from './events';
import { evolve, type LedgerFact } from './evolve';
import {
  abandon,
  authorize,
  budget,
  byPolicy,
  changeBudget,
  choosePolicy,
  complete,
  counted,
  defineBudget,
  expire,
  fail,
  key,
  MINUTE_MS,
  model,
  NOON,
  play,
  project,
  release,
  resolve,
  resolveAll,
  setLimits,
} from './spec-kit';
import { initialLedgerState, type LedgerState, periodKey } from './state';

/** Few names, so that commands meet each other. */
const name = fc.constantFrom('1', '2', '3', '4', '5', '6');
const cost = fc.nat(1_500).map((amount) => nanoUsd(BigInt(amount)));
const letter = fc.constantFrom('a', 'b');

const authorizations = fc
  .record({ name, letter, ceiling: fc.nat(1_000), cap: fc.nat(300), outputsMax: fc.nat(3), keyed: fc.boolean() })
  .map(({ name, letter, ceiling, cap, outputsMax, keyed }) =>
    authorize(name, {
      keyId: key(letter),
      projectId: project(letter),
      model: model(letter),
      bounds: { inputTokensMax: ceiling, outputTokensCap: cap, outputsMax, outputCapSource: 'default' },
      ...(keyed ? { idempotency: { key: letter, body: 'b' } } : {}),
    }),
  );

const endings = fc.oneof(
  fc.tuple(name, cost).map(([of, amount]) => complete(of, amount)),
  fc.tuple(name, fc.boolean()).map(([of, dispatched]) => release(of, { dispatched })),
  fc.tuple(name, fc.constantFrom('never' as const, 'unknown' as const)).map(([of, billed]) => fail(of, billed)),
  fc.tuple(name, fc.option(cost, { nil: undefined })).map(([of, seen]) => abandon(of, seen)),
  name.map((of) => expire(of, 'owner-dead')),
  fc
    .tuple(name, cost, fc.option(letter, { nil: undefined }))
    .map(([of, amount, id]) => resolve(of, amount, undefined, id)),
  name.map(byPolicy),
);

const bulkResolves = fc
  .record({
    filter: fc.record({ model: letter.map(model), keyId: letter.map(key) }, { requiredKeys: [] }),
    kind: fc.constantFrom('counted' as const, 'ceiling' as const),
    callsMax: fc.integer({ min: 1, max: 3 }),
    commandId: fc.constantFrom('a', 'b', 'c'),
  })
  .map(({ kind, ...rest }) => resolveAll({ at: { kind }, ...rest }));

const policies = fc
  .tuple(fc.constantFrom('counted' as const, 'ceiling' as const, 'never' as const), fc.constantFrom(0, 60, 86_400))
  .map(([resolveAt, afterSeconds]) => choosePolicy(resolveAt, afterSeconds));

const budgets = fc
  .record({
    letter,
    scope: fc.constantFrom({ type: 'organization' } as const, { type: 'project', id: project('a') } as const),
    unit: fc.constantFrom('cost' as const, 'tokens' as const, 'requests' as const),
    period: fc.constantFrom('daily' as const, 'total' as const),
    limit: fc.bigInt(0n, 3_000n),
    mode: fc.constantFrom('block' as const, 'block' as const, 'warn' as const),
  })
  .map(({ letter, ...options }) => defineBudget(letter, { ...options, thresholds: [50, 100] }));

const commands: fc.Arbitrary<LedgerCommand> = fc.oneof(
  { weight: 5, arbitrary: authorizations },
  { weight: 6, arbitrary: endings },
  { weight: 2, arbitrary: budgets },
  fc.tuple(letter, fc.bigInt(0n, 3_000n)).map(([of, limit]) => changeBudget(of, { limit })),
  fc.record({ concurrency: fc.nat(4), tokensPerMinute: fc.nat(5_000) }).map((limits) => setLimits(limits)),
  fc
    .record({ callCostMax: cost, unresolvedCostMax: cost }, { requiredKeys: [] })
    .chain((limits) => fc.constantFrom(setLimits(limits), setLimits(limits, 'organization'))),
  { weight: 2, arbitrary: bulkResolves },
  policies,
  letter.map((of) => ({ type: 'EndBudget', budgetId: budget(of) }) as const),
);

/** Commands with the time that passes before each; now and then a day, or a clock that is set back. */
const histories = fc.array(fc.tuple(fc.constantFrom(0, 7, 1_000, MINUTE_MS, 24 * 60 * MINUTE_MS, -5_000), commands), {
  minLength: 20,
  maxLength: 80,
});
type History = readonly (readonly [number, LedgerCommand])[];

interface Step {
  readonly command: LedgerCommand;
  /** When it was decided. */
  readonly at: EpochMs;
  readonly before: LedgerState;
  readonly after: LedgerState;
  readonly facts: readonly LedgerFact[];
}

/** Decides and records a history; every event goes through its stored form, as it would in the record. */
function recorded(history: History): readonly Step[] {
  const steps: Step[] = [];
  let state = initialLedgerState;
  let now = NOON;
  let count = 0;
  for (const [ms, command] of history) {
    now = epochMs(now + ms);
    const at = epochMs(Math.max(state.time, now));
    const facts = decide(command, state, { now }).events.map((event): LedgerFact => {
      count += 1;
      const id = composeEventId(at, new Uint8Array(10).fill(count & 0xff));
      const encoded = ledgerCodec.encode({ id, event, metadata: { actor: { type: 'system', id: 'p' }, at } });
      const stored = { ...encoded, stream: 's' as StreamName, revision: BigInt(count), position: BigInt(count) };
      const decoded = ledgerCodec.decode(stored);
      expect(decoded?.event).toEqual(event);
      return { id, event, at };
    });
    const after = facts.reduce(evolve, state);
    steps.push({ command, at, before: state, after, facts });
    state = after;
  }
  return steps;
}

function counters(state: LedgerState) {
  return [...state.periods.values()].map((counter) => {
    const definition = state.budgets.get(counter.budgetId)?.definition;
    const total = counter.settled + counter.held + counter.unresolved;
    return { ...counter, total, limit: definition?.limit ?? 0n, mode: definition?.mode };
  });
}

const runs = { numRuns: 60 };

describe('whatever happens', () => {
  it('no authorization takes a blocking budget beyond its limit', () => {
    fc.assert(
      fc.property(histories, (history) => {
        for (const { facts, after } of recorded(history))
          for (const { event } of facts) {
            if (event.type !== 'InferenceAuthorized') continue;
            const touched = new Set(event.data.touches.map(({ budgetId, from }) => periodKey(budgetId, from)));
            for (const { budgetId, from, mode, total, limit } of counters(after))
              if (mode === 'block' && touched.has(periodKey(budgetId, from)) && total > limit) return false;
          }
        return true;
      }),
      runs,
    );
  });

  it('no ending takes any budget further than the hold had taken it, and no sum is ever negative', () => {
    fc.assert(
      fc.property(histories, (history) => {
        for (const { facts, before, after } of recorded(history)) {
          if (counters(after).some(({ settled, held, unresolved }) => settled < 0n || held < 0n || unresolved < 0n))
            return false;
          // A correction may find that a call cost more than it was taken for; what follows is decided on that.
          if (facts.some(({ event: { type } }) => type === 'InferenceAuthorized' || type === 'InferenceCorrected'))
            continue;
          for (const { budgetId, from, total } of counters(after)) {
            const was = before.periods.get(periodKey(budgetId, from));
            if (was !== undefined && total > was.settled + was.held + was.unresolved) return false;
          }
        }
        return true;
      }),
      runs,
    );
  });

  it('what is held and unresolved is the sum of the open and unresolved calls’ touches', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const { after } = recorded(history).at(-1) ?? { after: initialLedgerState };
        for (const { budgetId, from, held, unresolved } of counters(after)) {
          const sumOf = (calls: Iterable<{ readonly call: { readonly touches: readonly Touch[] } }>) =>
            [...calls]
              .flatMap(({ call }) => call.touches)
              .filter((touch) => touch.budgetId === budgetId && touch.from === from)
              .reduce((sum, { amount }) => sum + amount, 0n);
          if (held !== sumOf(after.holds.values()) || unresolved !== sumOf(after.unresolved.values())) return false;
        }
        return true;
      }),
      runs,
    );
  });

  it('no call holds more than its ceiling, and no key is admitted a call while it has too much unresolved', () => {
    fc.assert(
      fc.property(histories, (history) => {
        for (const { facts, before } of recorded(history))
          for (const { event } of facts) {
            if (event.type !== 'InferenceAuthorized') continue;
            const { keyId, holdCost } = event.data;
            for (const limits of [before.organizationLimits, before.keyLimits.get(keyId) ?? {}]) {
              if (holdCost > (limits.callCostMax ?? holdCost)) return false;
              const unresolved = [...before.unresolved.values()]
                .filter(({ call }) => call.keyId === keyId)
                .reduce((sum, { call }) => sum + call.holdCost, 0n);
              if (unresolved > 0n && unresolved >= (limits.unresolvedCostMax ?? unresolved + 1n)) return false;
            }
          }
        return true;
      }),
      runs,
    );
  });

  it('a call that was resolved and corrected counts as if it had been resolved so at once', () => {
    fc.assert(
      fc.property(
        fc.array(cost, { minLength: 1, maxLength: 5 }),
        fc.option(cost, { nil: undefined }),
        (costs, seen) => {
          const lost = [
            defineBudget('cost', { limit: 100_000n }),
            defineBudget('tokens', { unit: 'tokens', limit: 100_000n }),
            defineBudget('requests', { unit: 'requests', limit: 100_000n }),
            authorize('1', { ceiling: nanoUsd(1_000n) }),
            abandon('1', seen),
          ];
          const last = costs.at(-1) ?? nanoUsd(0n);
          const corrected = play([...lost, ...costs.map((amount) => resolve('1', amount))]);
          const atOnce = play([...lost, resolve('1', last)]);
          return ['cost', 'tokens', 'requests'].every(
            (of) => canonicalJson(counted(corrected, of)) === canonicalJson(counted(atOnce, of)),
          );
        },
      ),
      runs,
    );
  });

  it('what each key has unresolved is the sum of its unresolved calls’ holds, in a carry too', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const state = recorded(history).at(-1)?.after ?? initialLedgerState;
        const sums = new Map<string, bigint>();
        for (const { call } of state.unresolved.values())
          if (call.holdCost > 0n) sums.set(call.keyId, (sums.get(call.keyId) ?? 0n) + call.holdCost);
        const carried = stateFromCarryText(carryText(state));
        return [state, carried].every(({ unresolvedByKey }) => {
          const kept = [...unresolvedByKey].filter(([, sum]) => sum > 0n);
          return kept.length === sums.size && kept.every(([keyId, sum]) => sums.get(keyId) === sum);
        });
      }),
      runs,
    );
  });

  it('a repeated command that was accepted decides nothing, or is refused', () => {
    fc.assert(
      fc.property(histories, (history) => {
        for (const { command, at, after } of recorded(history)) {
          // Not at the state's time: a refused command moves no time, and what it met may have expired since.
          const { events } = decide(command, after, { now: at });
          if (events.some(({ type }) => type !== 'InferenceRefused')) return false;
        }
        return true;
      }),
      runs,
    );
  });

  it('a carry is the state: the text reads back to itself, and events after it lead to the same', () => {
    fc.assert(
      fc.property(histories, fc.nat(59), (history, cut) => {
        const steps = recorded(history);
        const [head, tail] = [steps.slice(0, cut), steps.slice(cut).flatMap(({ facts }) => facts)];
        const state = head.at(-1)?.after ?? initialLedgerState;
        const text = carryText(state);
        const carried = stateFromCarryText(text);
        if (carryText(carried) !== text) return false;
        return carryText(tail.reduce(evolve, carried)) === carryText(tail.reduce(evolve, state));
      }),
      runs,
    );
  });

  it('a carry set is whole in any order of its parts', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const state = recorded(history).at(-1)?.after ?? initialLedgerState;
        const collector = new CarryCollector();
        const found = carrySet(state, 41n, 'set')
          .toReversed()
          .map((part) => collector.add(part));
        const last = found.at(-1);
        return last?.upTo === 41n && carryText(last.state) === carryText(state);
      }),
      { numRuns: 20 },
    );
  });
});
