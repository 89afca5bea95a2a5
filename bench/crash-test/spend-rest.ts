import { Pool } from 'undici';
import { makeCall, type Send } from './one-call';
import type { Violations } from './violations';
import type { World } from './world';

/** What one call of the tight organization holds at most, in nano-USD. */
export const HOLD_NANO_USD = 40_000n;
/** Enough for sequential calls to come within 5 % of. */
export const REST_HOLDS = 120n;
const SHARE_MIN_PERCENT = 95n;
/** More would mean that the calls cost nothing. */
const CALLS_MAX = 2_000;

export interface SpentRest {
  readonly calls: number;
  readonly lastCode: string;
}

/** Calls one after the other until the budget refuses. */
export async function spendRest(url: string, world: World): Promise<SpentRest> {
  const pool = new Pool(url, { connections: 1 });
  const [key] = world.tightKeys;
  const [model] = world.models;
  if (key === undefined || model === undefined) throw new Error('there is nothing to call with');
  const send: Send = (request) => pool.request(request);
  const never = new AbortController().signal;
  try {
    for (let calls = 0; calls < CALLS_MAX; calls += 1) {
      const marker = `marker-rest-${calls}`;
      const { end } = await makeCall(send, { marker, key, model, outputTokensCap: 8, stream: false }, never);
      if (end.kind !== 'acknowledged')
        return { calls, lastCode: end.kind === 'refused' ? `${end.status} ${end.code}` : 'broken' };
    }
    return { calls: CALLS_MAX, lastCode: 'none' };
  } finally {
    await pool.close();
  }
}

/** @returns the share of what was left that could be spent, in percent. */
export function judgeRest(
  { calls, lastCode }: SpentRest,
  leftBefore: bigint,
  leftAfter: bigint,
  violations: Violations,
): bigint {
  const percent = leftBefore === 0n ? 0n : ((leftBefore - leftAfter) * 100n) / leftBefore;
  if (percent < SHARE_MIN_PERCENT)
    violations.add(
      `${calls} sequential calls could spend ${percent} % of what was left; the last was answered ${lastCode}`,
    );
  if (lastCode !== '402 budget_exhausted')
    violations.add(`an exhausted budget answered ${lastCode} instead of 402 budget_exhausted`);
  return percent;
}
