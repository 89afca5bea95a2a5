import { type Clock, epochMs } from '#kernel';
import { SteadyClock } from './steady-clock';

class TwoHands implements Clock {
  wall = 1_000_000;
  monotonic = 0;

  now = () => epochMs(this.wall);
  monotonicMs = () => this.monotonic;

  pass(ms: number): void {
    this.wall += ms;
    this.monotonic += ms;
  }
}

describe('a steady clock', () => {
  it('is the wall clock while that goes on, and where it jumps ahead', () => {
    const hands = new TwoHands();
    const clock = new SteadyClock(hands);
    expect(clock.now()).toBe(1_000_000);
    hands.pass(250);
    expect(clock.now()).toBe(1_000_250);
    hands.wall += 60_000;
    expect(clock.now()).toBe(1_060_250);
  });

  it('goes on at half speed after the wall clock was set back, however often it is asked, until that has caught up', () => {
    const hands = new TwoHands();
    const clock = new SteadyClock(hands);
    clock.now();
    hands.wall -= 1_000;
    expect(clock.now()).toBe(1_000_000);
    for (let i = 0; i < 1_000; i += 1) {
      hands.pass(1);
      clock.now();
    }
    expect(clock.now()).toBe(1_000_500);
    hands.pass(1_000);
    expect([clock.now(), hands.now()]).toEqual([1_001_000, 1_001_000]);
    hands.pass(7);
    expect(clock.now()).toBe(1_001_007);
  });
});
