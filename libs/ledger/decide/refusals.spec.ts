import type { EventId } from '#kernel';
import { epochMs, usd } from '#kernel';
import { given } from '#testing/given-when-then';
import { evolve } from '../evolve';
import {
  authorize,
  call,
  complete,
  decided,
  defineBudget,
  key,
  later,
  ledger,
  model,
  NOON,
  play,
  project,
  type Script,
  SECOND_MS,
} from '../spec-kit';
import { decide, REFUSAL_WINDOWS_MAX, REFUSAL_WINDOWS_PER_KEY_MAX } from '.';

const empty = defineBudget('b', { limit: 0n });
const refused = (name: string, options: Parameters<typeof authorize>[1] = {}) => authorize(name, options);

/** Folds the refusal that a script's last command led to. */
function afterRefusal(...script: Script) {
  const moment = play(script.slice(0, -1));
  const { events } = decided(...script);
  return {
    now: moment.now,
    state: events.reduce((state, event) => evolve(state, { id: 'e' as EventId, event, at: moment.now }), moment.state),
  };
}

describe('a refused call', () => {
  it('is an event at once', () => {
    const decision = decided(empty, refused('1'));
    expect(decision).toMatchObject({ ok: false, refusal: { code: 'budget_exhausted' } });
    expect(decision.events).toEqual([
      {
        type: 'InferenceRefused',
        data: {
          callId: call('1'),
          keyId: key('a'),
          projectId: project('a'),
          model: model('echo'),
          endpoint: 'chat',
          code: 'budget_exhausted',
        },
      },
    ]);
  });

  it('is no event of its own for ten seconds after the first of its kind', () => {
    const { state, now } = afterRefusal(empty, refused('1'));
    const events = (ms: number, options = {}) =>
      decide(refused('2', options), state, { now: epochMs(now + ms) }).events.length;
    expect(events(0)).toBe(0);
    expect(events(10 * SECOND_MS - 1)).toBe(0);
    expect(events(10 * SECOND_MS)).toBe(1);
    expect(events(0, { keyId: key('b') })).toBe(1);
    expect(events(0, { model: model('other') })).toBe(1);
    expect(events(0, { idempotency: { key: 'k', body: 'b' } })).toBe(0);
  });

  it('moves no money and takes nothing from any limit', () => {
    const { state } = afterRefusal(empty, refused('1'));
    expect([state.holds.size, state.buckets.size, state.periods.size]).toEqual([0, 0, 0]);
  });

  /** The models under which so many keys are refused, each for so many invented ones. */
  function modelsOf(keys: number, modelsEach: number): ReadonlyMap<string, ReadonlySet<string>> {
    let { state, now } = play([empty]);
    const models = new Map<string, Set<string>>();
    for (let k = 0; k < keys; k += 1)
      for (let i = 0; i < modelsEach; i += 1) {
        const command = refused(`${k}-${i}`, { keyId: key(`k${k}`), model: model(`m${i}`) });
        for (const event of decide(command, state, { now }).events) {
          if (event.type !== 'InferenceRefused') continue;
          const { keyId } = event.data;
          models.set(keyId, (models.get(keyId) ?? new Set()).add(event.data.model));
          state = evolve(state, { id: 'e' as EventId, event, at: now });
        }
      }
    return models;
  }

  it('under invented model names shares one window once its key has many', () => {
    const models = modelsOf(2, REFUSAL_WINDOWS_PER_KEY_MAX + 5);
    expect([...models.values()].map(({ size }) => size)).toEqual(
      Array.from({ length: 2 }, () => REFUSAL_WINDOWS_PER_KEY_MAX + 1),
    );
    expect(models.get(key('k0'))).toContain('(other)');
  });

  it('of many keys shares one window for each of them once there are many in all', () => {
    const keys = REFUSAL_WINDOWS_MAX / 10 + 5;
    const models = modelsOf(keys, 10);
    const alone = [...models.values()].filter(({ size }) => size === 1);
    expect([models.size, alone.length]).toEqual([keys, 5]);
    expect(alone.every((names) => names.has('(other)'))).toBe(true);
  });

  it('answered from the first call’s record, or sent by a bug of our own, is none', () => {
    const keyed = { idempotency: { key: 'k', body: 'b' } };
    const answered = [authorize('1', keyed), complete('1', usd('0'))];
    expect(decided(...answered, authorize('2', keyed))).toMatchObject({ ok: false, events: [] });
    expect(decided(...answered, authorize('1'))).toMatchObject({ refusal: { code: 'duplicate_call' }, events: [] });
  });
});

describe('a refusal from before the ledger', () => {
  const unknown = {
    type: 'RecordRefusal',
    callId: call('1'),
    keyId: key('a'),
    projectId: project('a'),
    model: model('gpt-9'),
    endpoint: 'chat',
    code: 'model_not_found',
  } as const;

  it('is recorded like any other, the first of its kind at once', () => {
    const { type: _, ...data } = unknown;
    given(ledger()).when(unknown).then({ type: 'InferenceRefused', data }).andNothingWhenRepeated();
    given(ledger(unknown))
      .when({ ...unknown, callId: call('2') })
      .thenNothing();
    given(ledger(unknown, later(10 * SECOND_MS)))
      .when({ ...unknown, callId: call('2') })
      .then({ type: 'InferenceRefused', data: { ...data, callId: call('2') } });
  });
});

describe('counted refusals', () => {
  const count = {
    type: 'CountRefusals',
    keyId: key('a'),
    projectId: project('a'),
    model: model('echo'),
    code: 'budget_exhausted',
    count: 40,
    callIds: [call('1'), call('2')],
    from: NOON,
  } as const;

  it('are one event per window, and open the next one', () => {
    const { type: _, callIds, ...data } = count;
    given(ledger())
      .when(count)
      .then({ type: 'RefusalsCounted', data: { ...data, callIds: [...callIds] } });
    const { state, now } = play([empty, count]);
    expect(decide(refused('3'), state, { now }).events).toEqual([]);
  });
});
