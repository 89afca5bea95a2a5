import type { CallBounds, CallId, TokenUsage } from '#kernel';
import type { Random } from './random';

/** What a model backend makes of a call. */
export type Fate =
  /** It answers, and reports what it used: as a rule within the bounds, now and then beyond. */
  | { readonly kind: 'answered'; readonly usage: TokenUsage }
  /** The stream is cut; the platform counts what it has seen. */
  | { readonly kind: 'cut'; readonly usage: TokenUsage; readonly counted: TokenUsage }
  /** Not reached, or proven to be unbilled before the first byte. */
  | { readonly kind: 'unreached' }
  | { readonly kind: 'rejected' }
  | { readonly kind: 'failed-unbilled' }
  /** Something went wrong, and it may have been billed. */
  | { readonly kind: 'failed'; readonly usage: TokenUsage }
  /** It never answers. */
  | { readonly kind: 'silent'; readonly usage: TokenUsage };

export function usageWithin(random: Random, bounds: CallBounds): TokenUsage {
  const input = random.chance(20) ? bounds.inputTokensMax : random.between(0, bounds.inputTokensMax);
  const cachedInput = random.between(0, input);
  const cacheWrite = random.between(0, input - cachedInput);
  const outputMax = bounds.outputTokensCap * bounds.outputsMax;
  const output = random.chance(20) ? outputMax : random.between(0, outputMax);
  return { input: input - cachedInput - cacheWrite, cachedInput, cacheWrite, output };
}

function usageBeyond(random: Random, bounds: CallBounds): TokenUsage {
  const usage = usageWithin(random, bounds);
  return { ...usage, output: usage.output + bounds.outputTokensCap * bounds.outputsMax + random.between(1, 10_000) };
}

/** Decides what becomes of dispatched calls, and remembers what was really billed for them. */
export class Upstream {
  /** The bill, whoever lives to see it. */
  readonly billed = new Map<CallId, TokenUsage>();
  readonly dispatched = new Set<CallId>();
  /** Calls that it will never answer. */
  readonly silent = new Set<CallId>();

  constructor(private readonly random: Random) {}

  fateOf(bounds: CallBounds): Fate {
    const usage = usageWithin(this.random, bounds);
    return this.random.weighted<Fate>([
      [{ kind: 'answered', usage }, 60],
      [{ kind: 'answered', usage: usageBeyond(this.random, bounds) }, 4],
      [{ kind: 'cut', usage, counted: usage }, 6],
      [{ kind: 'unreached' }, 6],
      [{ kind: 'rejected' }, 6],
      [{ kind: 'failed-unbilled' }, 5],
      [{ kind: 'failed', usage }, 6],
      [{ kind: 'silent', usage }, 4],
    ]);
  }

  dispatch(callId: CallId, fate: Fate): void {
    this.dispatched.add(callId);
    if (fate.kind === 'silent') this.silent.add(callId);
    if ('usage' in fate) this.billed.set(callId, fate.usage);
  }
}
