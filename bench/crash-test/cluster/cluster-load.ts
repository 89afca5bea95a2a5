import { setTimeout as sleep } from 'node:timers/promises';
import { Agent } from 'undici';
import type { ClientCall } from '../answered-call';
import { type CallPlan, makeCall, type Send } from '../one-call';
import type { Random } from '../random';
import type { World } from '../world';

const TIGHT_SHARE = 0.35;
const STREAMED_SHARE = 0.5;
const KEYED_SHARE = 0.25;
/** Repeats at once, through another gateway, of a call with an Idempotency-Key. */
const DOUBLED_SHARE = 0.2;
const IMPATIENT_SHARE = 0.1;
const IMPATIENT_MS = [100, 3_000] as const;
/** Longer than the longest time that a gateway stands still. */
const PATIENT_MS = 30_000;
const TRIES_MAX = 3;
/** A refused caller waits a little, like a client would, instead of filling the record with refusals. */
const AFTER_REFUSAL_MS = 50;
/** Calls that go to any gateway: a load balancer learns late which of them are well. */
const ANYWHERE_SHARE = 0.15;
/** Keyed calls whose answer did not come are sent again later too, at most so many. */
const REPEATS_MAX = 50;

function isWorthRepeating({ end }: ClientCall): boolean {
  return end.kind === 'broken' || (end.kind === 'refused' && (end.status === 503 || end.status === 0));
}

/** Where gateways are. */
export interface Gateways {
  readonly all: () => readonly string[];
  /** Those that a load balancer would take for well. */
  readonly serving: () => readonly string[];
}

/** Calls of several clients at once, each through any gateway, and once more through another where that fails. */
export class ClusterLoad {
  readonly #repeats: CallPlan[] = [];
  readonly #agent: Agent;
  #made = 0;

  constructor(
    private readonly world: World,
    private readonly random: Random,
    private readonly seed: number,
    private readonly callers: number,
    private readonly gateways: Gateways,
  ) {
    this.#agent = new Agent({ connections: callers * 2, headersTimeout: 0, bodyTimeout: 0, connectTimeout: 5_000 });
  }

  /** Calls until `stopped`; resolves with how each of them ended, once the last has. */
  async run(stopped: AbortSignal): Promise<ClientCall[]> {
    const ended: ClientCall[] = [];
    const caller = async (): Promise<void> => {
      while (!stopped.aborted) await this.#callAndRetry(ended, stopped);
    };
    await Promise.all(Array.from({ length: this.callers }, caller));
    return ended;
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #callAndRetry(ended: ClientCall[], stopped: AbortSignal): Promise<void> {
    let plan = this.#repeats.pop() ?? this.#plan();
    let isWanted = false;
    for (let tries = 0; tries < TRIES_MAX && !stopped.aborted; tries += 1) {
      isWanted = false;
      const times = plan.idempotencyKey !== undefined && this.random.chance(DOUBLED_SHARE) ? 2 : 1;
      const calls = await Promise.all(Array.from({ length: times }, () => this.#call(plan)));
      ended.push(...calls);
      if (calls.every(({ end }) => end.kind === 'acknowledged')) return;
      await sleep(AFTER_REFUSAL_MS);
      // Without a key a retry is a call of its own.
      if (plan.idempotencyKey === undefined) plan = { ...plan, marker: this.#marker() };
      else isWanted = calls.every(isWorthRepeating);
    }
    if (isWanted && this.#repeats.length < REPEATS_MAX) this.#repeats.unshift(plan);
  }

  #call(plan: CallPlan): Promise<ClientCall> {
    const { random } = this;
    const patienceMs = random.chance(IMPATIENT_SHARE) ? random.between(...IMPATIENT_MS) : PATIENT_MS;
    const serving = this.gateways.serving();
    const isAnywhere = serving.length === 0 || random.chance(ANYWHERE_SHARE);
    const origin = random.pick(isAnywhere ? this.gateways.all() : serving);
    const send: Send = (request) => this.#agent.request({ origin, ...request });
    return makeCall(send, plan, AbortSignal.timeout(Math.round(patienceMs)));
  }

  #marker(): string {
    this.#made += 1;
    return `marker-${this.seed}-${this.#made}`;
  }

  #plan(): CallPlan {
    const { random, world } = this;
    const marker = this.#marker();
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
