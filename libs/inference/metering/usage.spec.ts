import type { UsageDetails, UsageReading } from './facts';
import { inputOnly, readOpenAiUsage } from './usage';

const reported = (
  input: number,
  cachedInput: number,
  cacheWrite: number,
  output: number,
  details?: UsageDetails,
): UsageReading => ({
  kind: 'reported',
  usage: { input, cachedInput, cacheWrite, output },
  ...(details === undefined ? {} : { details }),
});

describe('readOpenAiUsage', () => {
  it.each([
    ['plain', { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 }, reported(10, 0, 0, 5)],
    [
      'cached and written tokens, which the prompt includes',
      { prompt_tokens: 10, completion_tokens: 5, prompt_tokens_details: { cached_tokens: 4, cache_write_tokens: 3 } },
      reported(3, 4, 3, 5),
    ],
    [
      'written tokens under a name of their own',
      { prompt_tokens: 10, completion_tokens: 5, cache_creation_input_tokens: 3, prompt_tokens_details: {} },
      reported(7, 0, 3, 5),
    ],
    [
      'cache hits under a name of their own',
      { prompt_tokens: 10, completion_tokens: 5, prompt_cache_hit_tokens: 6 },
      reported(4, 6, 0, 5),
    ],
    [
      'reasoning, which the completion includes',
      { prompt_tokens: 10, completion_tokens: 9, total_tokens: 19, completion_tokens_details: { reasoning_tokens: 7 } },
      reported(10, 0, 0, 9, { reasoningTokens: 7 }),
    ],
    [
      'reasoning that only the total includes',
      { prompt_tokens: 10, completion_tokens: 2, total_tokens: 19, completion_tokens_details: { reasoning_tokens: 7 } },
      reported(10, 0, 0, 9, { reasoningTokens: 7 }),
    ],
    [
      'reasoning that the total includes and nothing else names',
      { prompt_tokens: 10, completion_tokens: 2, total_tokens: 519 },
      reported(10, 0, 0, 509),
    ],
    [
      'a total that is too small, which proves nothing',
      { prompt_tokens: 10, completion_tokens: 2, total_tokens: 1 },
      reported(10, 0, 0, 2),
    ],
    [
      'reasoning of which there was none, which is not the same as saying nothing of it',
      { prompt_tokens: 10, completion_tokens: 2, completion_tokens_details: { reasoning_tokens: 0 } },
      reported(10, 0, 0, 2, { reasoningTokens: 0 }),
    ],
    [
      'details that are null',
      { prompt_tokens: 1, completion_tokens: 2, prompt_tokens_details: null },
      reported(1, 0, 0, 2),
    ],
  ])('%s', (_name, usage, expected) => {
    expect(readOpenAiUsage(usage)).toEqual(expected);
  });

  it.each([[undefined], [null], [{}]])('%j is absent', (usage) => {
    expect(readOpenAiUsage(usage)).toEqual({ kind: 'absent' });
  });

  it.each([
    ['usage: 12', 12],
    ['negative', { prompt_tokens: -1, completion_tokens: 5 }],
    ['fractional', { prompt_tokens: 1.5, completion_tokens: 5 }],
    ['a string', { prompt_tokens: '10', completion_tokens: 5 }],
    ['half missing', { prompt_tokens: 10 }],
    ['beyond safe integers', { prompt_tokens: 2 ** 53, completion_tokens: 0 }],
    ['a sum beyond safe integers', { prompt_tokens: 2 ** 53 - 1, completion_tokens: 1 }],
    [
      'more cached than prompted',
      { prompt_tokens: 3, completion_tokens: 1, prompt_tokens_details: { cached_tokens: 4 } },
    ],
    [
      'more cached and written than prompted',
      { prompt_tokens: 3, completion_tokens: 1, prompt_tokens_details: { cached_tokens: 2, cache_write_tokens: 2 } },
    ],
    ['cached negative', { prompt_tokens: 3, completion_tokens: 1, prompt_tokens_details: { cached_tokens: -1 } }],
    ['details that are a list', { prompt_tokens: 3, completion_tokens: 1, prompt_tokens_details: [] }],
    [
      'reasoning as text',
      { prompt_tokens: 3, completion_tokens: 1, completion_tokens_details: { reasoning_tokens: '1' } },
    ],
  ])('%s is absurd', (_name, usage) => {
    expect(readOpenAiUsage(usage).kind).toBe('absurd');
  });

  it('needs no completion where nothing is generated', () => {
    expect(readOpenAiUsage({ prompt_tokens: 8, total_tokens: 8 }, false)).toEqual(reported(8, 0, 0, 0));
  });
});

describe('inputOnly', () => {
  it('keeps of a count on the way what cannot change any more', () => {
    const input = { input: 3, cachedInput: 4, cacheWrite: 3 };
    expect(inputOnly(reported(3, 4, 3, 5))).toEqual({ kind: 'absent', input });
    expect(inputOnly({ kind: 'absurd', reason: 'usage is no object' })).toEqual({ kind: 'absent' });
  });
});
