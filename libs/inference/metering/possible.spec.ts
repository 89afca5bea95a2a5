import type { CallBounds, TokenUsage } from '#kernel';
import { beyondPossible } from './possible';

const bounds: CallBounds = {
  inputTokensMax: 50,
  inputTokensEstimate: 20,
  outputTokensCap: 100,
  outputCapSource: 'client',
  outputsMax: 3,
};
const limits = { bounds, contextTokens: 1_000, prompts: 2 };
const reported = (usage: Partial<TokenUsage>) =>
  ({ kind: 'reported', usage: { input: 0, cachedInput: 0, cacheWrite: 0, output: 0, ...usage } }) as const;

describe('what a call can have used', () => {
  it.each([
    ['all outputs at their cap', { output: 300 }, undefined],
    ['one token more', { output: 301 }, 'output-beyond-cap'],
    [
      'more than the bound, within the context of every prompt',
      { input: 1_000, cachedInput: 900, cacheWrite: 100 },
      undefined,
    ],
    ['one token more than all contexts', { input: 1_000, cachedInput: 900, cacheWrite: 101 }, 'input-beyond-context'],
  ] as const)('%s', (_, usage, expected) => {
    expect(beyondPossible(reported(usage), limits)).toBe(expected);
  });

  it('is asked of reports only', () => {
    expect(beyondPossible({ kind: 'absent' }, limits)).toBeUndefined();
    expect(beyondPossible({ kind: 'absurd', reason: 'negative' }, limits)).toBeUndefined();
  });

  it('of a call that generates nothing is no output at all', () => {
    const embedding = { ...limits, bounds: { ...bounds, outputTokensCap: 0, outputsMax: 0 } };
    expect(beyondPossible(reported({ input: 7 }), embedding)).toBeUndefined();
    expect(beyondPossible(reported({ output: 1 }), embedding)).toBe('output-beyond-cap');
  });
});
