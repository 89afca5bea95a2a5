import { setMaxListeners } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { Pool } from 'undici';
import type { ClientCall } from './answered-call';
import { type CallPlan, makeCall } from './one-call';
import type { Random } from './random';
import type { World } from './world';

const TIGHT_SHARE = 0.35;
const STREAMED_SHARE = 0.5;
const KEYED_SHARE = 0.25;
/** Repeats at once of a call with an Idempotency-Key. */
const DOUBLED_SHARE = 0.2;
/** A refused caller waits a little, like a client would, instead of filling the record with refusals. */
const AFTER_REFUSAL_MS = 20;
/** Keyed calls that the last kill broke are sent again, at most so many. */
const REPEATS_MAX = 50;

/** Calls of several clients at once, until they are told to stop. */
export class CrashLoad {
  readonly #repeats: CallPlan[] = [];
  #made = 0;

  constructor(
    private readonly world: World,
    private readonly random: Random,
    private readonly seed: number,
    private readonly callers: number,
  ) {}

  /** Calls until `stopped`; resolves with how each of them ended, once the last connection is gone. */
  async run(url: string, stopped: AbortSignal): Promise<ClientCall[]> {
    const pool = new Pool(url, { connections: this.callers * 2, headersTimeout: 0, bodyTimeout: 0 });
    // Every call under way listens to it, and nothing leaks: all of them end with it.
    setMaxListeners(0, stopped);
    const ended: ClientCall[] = [];
    const caller = async (): Promise<void> => {
      while (!stopped.aborted) {
        const plan = this.#repeats.pop() ?? this.#plan();
        const times = plan.idempotencyKey !== undefined && this.random.chance(DOUBLED_SHARE) ? 2 : 1;
        const calls = await Promise.all(
          Array.from({ length: times }, () => makeCall((request) => pool.request(request), plan, stopped)),
        );
        ended.push(...calls);
        if (plan.idempotencyKey !== undefined && calls.some(({ end }) => end.kind === 'broken')) this.#repeat(plan);
        if (calls.some(({ end }) => end.kind !== 'acknowledged') && !stopped.aborted)
          await setTimeout(AFTER_REFUSAL_MS, undefined, { ref: false });
      }
    };
    await Promise.all(Array.from({ length: this.callers }, caller));
    await pool.destroy();
    return ended;
  }

  #repeat(plan: CallPlan): void {
    if (this.#repeats.length < REPEATS_MAX) this.#repeats.push(plan);
  }

  #plan(): CallPlan {
    const { random, world } = this;
    this.#made += 1;
    const marker = `marker-${this.seed}-${this.#made}`;
    return {
      marker,
      key: random.pick(random.chance(TIGHT_SHARE) ? world.tightKeys : world.roomyKeys),
      model: random.pick(world.models),
      outputTokensCap: Math.ceil(random.between(3, 24)),
      stream: random.chance(STREAMED_SHARE),
      ...(random.chance(KEYED_SHARE) ? { idempotencyKey: `key-${marker}` } : {}),
    };
  }
}
