import { usd } from '#kernel';
import { given } from '#testing/given-when-then';
import type { BudgetScope, BudgetUnit } from '../events';
import {
  abandon,
  authorize,
  authorizedBy,
  budget,
  changeBudget,
  complete,
  counted,
  decided,
  defineBudget,
  fail,
  key,
  ledger,
  model,
  NOON,
  ORGANIZATION,
  play,
  project,
  release,
  resolve,
  type Script,
  team,
} from '../spec-kit';
import { budgetTag } from '../tags';
import { budgetWarnings } from '../views';
import { BUDGETS_PER_SCOPE_MAX } from './budgets';

const inTeam = { type: 'AssignProject', projectId: project('a'), teamId: team('a') } as const;

describe('a blocking budget', () => {
  const almostSpent = [defineBudget('b'), authorize('1', { ceiling: usd('9.99') }), complete('1', usd('9.99'))];

  it('refuses what goes beyond it, and says by how much', () => {
    given(ledger(...almostSpent))
      .when(authorize('2', { ceiling: usd('0.02') }))
      .thenRefused('budget_exhausted', {
        limitId: budget('b'),
        scope: 'organization',
        unit: 'cost',
        limit: usd('10'),
        settled: usd('9.99'),
        held: 0n,
        unresolved: 0n,
        requested: usd('0.02'),
      });
  });

  it('admits what fits to the last nano-USD', () => {
    const call = authorizedBy(...almostSpent, authorize('2', { ceiling: usd('0.01') }));
    expect(call.touches).toEqual([{ budgetId: budget('b'), from: NOON, unit: 'cost', amount: usd('0.01') }]);
    given(ledger(...almostSpent))
      .when(authorize('2', { ceiling: usd('0.010000001') }))
      .thenRefused('budget_exhausted');
  });

  it('counts what is held, what is settled and what is unresolved', () => {
    const moment = play([
      defineBudget('b'),
      authorize('held', { ceiling: usd('1') }),
      authorize('settled', { ceiling: usd('2') }),
      complete('settled', usd('0.5')),
      authorize('unresolved', { ceiling: usd('3') }),
      abandon('unresolved'),
    ]);
    expect(counted(moment)).toEqual({ held: usd('1'), settled: usd('0.5'), unresolved: usd('3') });
  });

  it('admits nothing below a limit that was lowered under what is counted, not even a free call', () => {
    given(ledger(...almostSpent, changeBudget('b', { limit: usd('5') })))
      .when(authorize('free', { ceiling: usd('0') }))
      .thenRefused('budget_exhausted');
  });

  it('of nothing admits only what costs nothing', () => {
    given(ledger(defineBudget('b', { limit: 0n })))
      .when(authorize('1', { ceiling: usd('0.000000001') }))
      .thenRefused('budget_exhausted');
    expect(authorizedBy(defineBudget('b', { limit: 0n }), authorize('1', { ceiling: usd('0') })).holdCost).toBe(0n);
  });

  it('ended or never there, stands in nobody’s way', () => {
    const end = { type: 'EndBudget', budgetId: budget('b') } as const;
    expect(authorizedBy(...almostSpent, end, authorize('2', { ceiling: usd('5') })).touches).toEqual([]);
  });

  it('ended while a call runs, still learns what the call cost', () => {
    const end = { type: 'EndBudget', budgetId: budget('b') } as const;
    const moment = play([defineBudget('b'), authorize('1', { ceiling: usd('1') }), end, complete('1', usd('0.25'))]);
    expect(counted(moment)).toEqual({ held: 0n, settled: usd('0.25'), unresolved: 0n });
  });

  it('does not count calls that were authorized before it', () => {
    const moment = play([authorize('1', { ceiling: usd('1') }), defineBudget('b'), complete('1', usd('1'))]);
    expect(counted(moment)).toEqual({ held: 0n, settled: 0n, unresolved: 0n });
  });
});

describe('a budget’s scope', () => {
  const scopes: readonly [BudgetScope, Parameters<typeof authorize>[1]][] = [
    [ORGANIZATION, {}],
    [{ type: 'team', id: team('a') }, { projectId: project('other') }],
    [{ type: 'project', id: project('a') }, { projectId: project('other') }],
    [{ type: 'api-key', id: key('a') }, { keyId: key('other') }],
    [{ type: 'model', id: model('echo') }, { model: model('other') }],
  ];

  it.each(scopes)('%j blocks its own calls', (scope) => {
    given(ledger(inTeam, defineBudget('b', { scope, limit: usd('1') })))
      .when(authorize('1', { ceiling: usd('2') }))
      .thenRefused('budget_exhausted');
  });

  it.each(scopes.slice(1))('%j leaves others’ calls alone', (scope, other) => {
    const call = authorizedBy(
      inTeam,
      defineBudget('b', { scope, limit: usd('1') }),
      authorize('1', { ceiling: usd('2'), ...other }),
    );
    expect(call.touches).toEqual([]);
  });

  it('every budget that applies is asked and touched, the narrowest first', () => {
    const names = scopes.map(([{ type }]) => type);
    const budgets = scopes.map(([scope]) => defineBudget(scope.type, { scope }));
    const { touches } = authorizedBy(inTeam, ...budgets, authorize('1'));
    expect(touches.map(({ budgetId }) => budgetId)).toEqual(
      ['api-key', 'project', 'team', 'model', 'organization'].map(budget),
    );
    for (const name of names)
      given(ledger(inTeam, ...budgets, changeBudget(name, { limit: 0n })))
        .when(authorize('1'))
        .thenRefused('budget_exhausted');
  });

  it('of a team follows the project’s team at the time of authorization', () => {
    const ofTeam = (name: string) => defineBudget(name, { scope: { type: 'team', id: team(name) } });
    const toB = { ...inTeam, teamId: team('b') };
    const moment = play([
      ofTeam('a'),
      ofTeam('b'),
      inTeam,
      authorize('1'),
      toB,
      authorize('2'),
      complete('1', usd('0.01')),
    ]);
    expect(counted(moment, 'a')).toEqual({ held: 0n, settled: usd('0.01'), unresolved: 0n });
    expect(counted(moment, 'b')).toEqual({ held: usd('0.01'), settled: 0n, unresolved: 0n });
    const { teamId: _, ...toNone } = toB;
    expect(authorizedBy(ofTeam('a'), inTeam, toNone, authorize('1'))).not.toHaveProperty('teamId');
  });
});

describe('a budget’s unit', () => {
  const held = (unit: BudgetUnit) => defineBudget('b', { unit, limit: 1_000_000n });
  const twoAnswers = authorize('1', {
    bounds: { inputTokensMax: 100, outputTokensCap: 50, outputsMax: 2, outputCapSource: 'client' },
  });
  const usage = { input: 40, cachedInput: 30, cacheWrite: 20, output: 10 };

  it.each([
    ['cost', 200n, 100n],
    ['tokens', 200n, 100n],
    ['requests', 1n, 1n],
  ] as const)('%s holds %d and settles %d', (unit, holds, settles) => {
    expect(counted(play([held(unit), twoAnswers])).held).toBe(holds);
    const settled = play([held(unit), twoAnswers, complete('1', usd('0'), { usage })]);
    expect(counted(settled)).toEqual({ held: 0n, settled: settles, unresolved: 0n });
  });

  it('requests counts every dispatched call, whatever became of it', () => {
    const requests = held('requests');
    const ended = (...ending: Script) => counted(play([requests, authorize('1'), ...ending]));
    expect(ended(fail('1', 'never')).settled).toBe(1n);
    expect(ended(release('1', { dispatched: true })).settled).toBe(1n);
    expect(ended(release('1', { dispatched: false }))).toEqual({ held: 0n, settled: 0n, unresolved: 0n });
    expect(ended(abandon('1'), resolve('1', usd('0')))).toEqual({ held: 0n, settled: 1n, unresolved: 0n });
  });

  it('requests refuses the first call too many', () => {
    given(ledger(defineBudget('b', { unit: 'requests', limit: 1n }), authorize('1'), complete('1', usd('0'))))
      .when(authorize('2'))
      .thenRefused('budget_exhausted');
  });

  it('tokens counts at most what was held, as cost does', () => {
    const more = { input: 400, cachedInput: 0, cacheWrite: 0, output: 0 };
    expect(counted(play([held('tokens'), twoAnswers, complete('1', usd('0'), { usage: more })])).settled).toBe(200n);
  });
});

describe('a budget’s mode', () => {
  const spent = (mode: 'warn' | 'notify') => [
    defineBudget('b', { mode, limit: usd('1') }),
    authorize('1', { ceiling: usd('1') }),
  ];

  it.each(['warn', 'notify'] as const)('%s lets pass, and records once per period that it was exceeded', (mode) => {
    const second = decided(...spent(mode), authorize('2', { ceiling: usd('0.5') }));
    expect(second.events.at(-1)).toEqual({
      type: 'BudgetExceeded',
      data: { budgetId: budget('b'), from: NOON, mode, used: usd('1.5'), limit: usd('1') },
    });
    const third = decided(...spent(mode), authorize('2'), authorize('3'));
    expect(third.events.map(({ type }) => type)).toEqual(['InferenceAuthorized']);
  });

  it('warn warns every call beyond the limit, not only the first; notify none', () => {
    const warnings = (mode: 'warn' | 'notify', count: number) => {
      const calls = Array.from({ length: count }, (_, i) => authorize(`${i + 2}`));
      const { state } = play([...spent(mode), ...calls]);
      return calls.map(({ callId }) => budgetWarnings(state, callId));
    };
    expect(warnings('warn', 2)).toEqual([[budget('b')], [budget('b')]]);
    expect(warnings('notify', 1)).toEqual([[]]);
  });

  it('changes at once', () => {
    given(ledger(...spent('warn'), changeBudget('b', { mode: 'block' })))
      .when(authorize('2'))
      .thenRefused('budget_contended');
  });

  it('a raised limit may be exceeded anew', () => {
    const raised = [...spent('warn'), authorize('2'), changeBudget('b', { limit: usd('2') })];
    const again = decided(...raised, authorize('3', { ceiling: usd('5') }));
    expect(again.events.at(-1)).toMatchObject({ type: 'BudgetExceeded', data: { limit: usd('2') } });
  });
});

function tagAfter(...script: Script): string | undefined {
  const found = play(script).state.budgets.get(budget('b'));
  return found && budgetTag({ ...found.definition, ended: found.ended });
}

describe('defining and changing budgets', () => {
  it('is recorded with the moment from which it counts, and repeats decide nothing', () => {
    const { type: _, ...fields } = defineBudget('b', { thresholds: [100, 50, 50] });
    given(ledger())
      .when(defineBudget('b', { thresholds: [100, 50, 50] }))
      .then({ type: 'BudgetDefined', data: { ...fields, thresholds: [50, 100], countedSince: NOON } })
      .andNothingWhenRepeated();
    given(ledger(defineBudget('b')))
      .when({ type: 'EndBudget', budgetId: budget('b') })
      .then({ type: 'BudgetEnded', data: { budgetId: budget('b') } })
      .andNothingWhenRepeated();
    given(ledger(defineBudget('b')))
      .when(changeBudget('b', { limit: usd('20') }))
      .then({
        type: 'BudgetChanged',
        data: { budgetId: budget('b'), name: 'b', limit: usd('20'), mode: 'block', thresholds: [] },
      })
      .andNothingWhenRepeated();
  });

  it('refuses what makes no sense', () => {
    const invalid = [
      { name: ' ' },
      { name: 'x'.repeat(121) },
      { name: '\ud800' },
      { limit: -1n },
      { limit: 10n ** 25n },
      { thresholds: [0] },
      { thresholds: [50.5] },
      { thresholds: Array.from({ length: 11 }, (_, i) => i + 1) },
      { timeZone: 'Atlantis/Capital' },
    ];
    for (const fields of invalid) given(ledger()).when(defineBudget('b', fields)).thenRefused('budget_invalid');
    given(ledger(defineBudget('b')))
      .when(changeBudget('b', { limit: -1n }))
      .thenRefused('budget_invalid');
  });

  it('refuses another budget under the same id, an unknown one and an ended one', () => {
    const end = { type: 'EndBudget', budgetId: budget('b') } as const;
    given(ledger(defineBudget('b')))
      .when(defineBudget('b', { limit: 1n }))
      .thenRefused('budget_exists');
    given(ledger(defineBudget('b'), end))
      .when(defineBudget('b'))
      .thenRefused('budget_exists');
    given(ledger()).when(changeBudget('b', {})).thenRefused('budget_not_found');
    given(ledger()).when(end).thenRefused('budget_not_found');
    given(ledger(defineBudget('b'), end))
      .when(changeBudget('b', { limit: 1n }))
      .thenRefused('budget_ended');
  });

  it('refuses an editor who has seen another version, and takes one who has seen this one', () => {
    const end = { type: 'EndBudget', budgetId: budget('b') } as const;
    const before = ledger(defineBudget('b'));
    const tag = tagAfter(defineBudget('b'));
    given(before)
      .when({ ...changeBudget('b', { limit: 1n }), ifMatch: ['other'] })
      .thenRefused('definition_stale');
    given(before)
      .when({ ...end, ifMatch: [] })
      .thenRefused('definition_stale');
    expect(decided(defineBudget('b'), { ...changeBudget('b', { limit: 1n }), ifMatch: ['x', tag ?? ''] }).ok).toBe(
      true,
    );
    const changed = [defineBudget('b'), changeBudget('b', { limit: 1n })] as const;
    given(ledger(...changed))
      .when({ ...changeBudget('b', { limit: 2n }), ifMatch: [tag ?? ''] })
      .thenRefused('definition_stale');
    // What is counted is no part of the version: calls do not make an editor's look stale.
    expect(tagAfter(defineBudget('b'), authorize('1'))).toBe(tag);
  });

  it('keeps the number of budgets in force per scope small; ended ones make room', () => {
    const full = Array.from({ length: BUDGETS_PER_SCOPE_MAX }, (_, i) => defineBudget(`${i}`));
    given(ledger(...full))
      .when(defineBudget('more'))
      .thenRefused('budgets_too_many');
    const ended = { type: 'EndBudget', budgetId: budget('0') } as const;
    expect(decided(...full, ended, defineBudget('more')).ok).toBe(true);
  });
});
