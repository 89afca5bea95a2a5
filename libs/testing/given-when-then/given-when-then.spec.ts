import type { Decider, DomainEvent, Refusal } from '#kernel';
import { accepted, refused } from '#kernel';
import { given } from './given-when-then';

/** A light that can be switched on, unless it is broken. */
type LightEvent = DomainEvent<'SwitchedOn', { watts: number }> | DomainEvent<'Broke', object>;
type LightRefusal = Refusal<'light_broken', { watts: number }>;
type Light = { on: boolean; broken: boolean };

const light: Decider<{ watts: number }, Light, LightEvent, LightRefusal> = {
  initialState: { on: false, broken: false },
  decide({ watts }, state) {
    if (state.broken) return refused({ code: 'light_broken', message: 'Change the bulb.', details: { watts } });
    return state.on ? accepted() : accepted({ type: 'SwitchedOn', data: { watts } });
  },
  evolve(state, event) {
    return event.type === 'SwitchedOn' ? { ...state, on: true } : { ...state, broken: true };
  },
};
const on: LightEvent = { type: 'SwitchedOn', data: { watts: 5 } };
const broke: LightEvent = { type: 'Broke', data: {} };
const switchOn = { watts: 5 };

describe('given, when, then', () => {
  it('reads as a sentence', () => {
    given(light).when(switchOn).then(on).andNothingWhenRepeated();
    given(light, on).when(switchOn).thenNothing();
    given(light, on, broke).when(switchOn).thenRefused('light_broken', { watts: 5 });
  });

  it('fails on other events, more events and none', () => {
    expect(() => given(light).when({ watts: 6 }).then(on)).toThrow();
    expect(() => given(light).when(switchOn).then(on, on)).toThrow();
    expect(() => given(light, on).when(switchOn).then(on)).toThrow();
    expect(() => given(light).when(switchOn).thenNothing()).toThrow();
  });

  it('fails on an acceptance where a refusal was expected, and the other way round', () => {
    expect(() => given(light).when(switchOn).thenRefused('light_broken')).toThrow('accepted with SwitchedOn');
    expect(() => given(light, broke).when(switchOn).then(on)).toThrow('refused with light_broken: Change the bulb.');
  });

  it('fails on other details', () => {
    expect(() => given(light, broke).when(switchOn).thenRefused('light_broken', { watts: 7 })).toThrow();
  });

  it('fails on a refusal that says nothing', () => {
    const silent = { ...light, decide: () => refused({ code: 'light_broken' as const, message: ' ' }) };
    expect(() => given(silent).when(switchOn).thenRefused('light_broken')).toThrow('says nothing');
  });

  it('fails on a decider that is not pure', () => {
    let calls = 0;
    const moody: typeof light = { ...light, decide: () => (++calls % 2 === 0 ? accepted() : accepted(on)) };
    expect(() => given(moody).when(switchOn).then(on)).toThrow('decided otherwise');
  });

  it('fails on a repeated command that decides again', () => {
    const forgetful: typeof light = { ...light, decide: () => accepted(on) };
    expect(() => given(forgetful).when(switchOn).then(on).andNothingWhenRepeated()).toThrow('decided events again');
  });
});
