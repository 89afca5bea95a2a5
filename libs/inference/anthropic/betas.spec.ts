import { readAnthropicHeaders, sortBetas } from './betas';

describe('readAnthropicHeaders', () => {
  it('has the version and every beta once', () => {
    expect(
      readAnthropicHeaders({ 'anthropic-version': '2023-06-01', 'anthropic-beta': 'effort-2025-11-24, a-1,a-1' }),
    ).toEqual({ version: '2023-06-01', betas: ['effort-2025-11-24', 'a-1'] });
    expect(readAnthropicHeaders({ 'anthropic-beta': ['a-1', 'b-2'] })).toEqual({ betas: ['a-1', 'b-2'] });
  });

  it('knows a client that says nothing from one that says nothing usable', () => {
    expect(readAnthropicHeaders({ accept: '*/*' })).toBeUndefined();
    expect(readAnthropicHeaders({ 'anthropic-version': 'latest' })).toEqual({ betas: [] });
    expect(readAnthropicHeaders({ 'anthropic-version': '2023-06-01', 'anthropic-beta': 'A B,\r\nx: y,' })).toEqual({
      version: '2023-06-01',
      betas: [],
    });
  });

  it('does not look at endless lists', () => {
    const many = Array.from({ length: 5_000 }, (_, n) => `b-${n}`).join(',');
    expect(readAnthropicHeaders({ 'anthropic-beta': many })?.betas).toHaveLength(50);
  });
});

describe('sortBetas', () => {
  const betas = ['effort-2025-11-24', 'context-1m-2025-08-07', 'fast-mode-2026-02-01'];

  it('passes those that change no price', () => {
    expect(sortBetas(betas, {})).toEqual({
      passed: ['effort-2025-11-24'],
      leftOut: ['context-1m-2025-08-07', 'fast-mode-2026-02-01'],
    });
  });

  it('passes others where the operator vouches for them', () => {
    expect(sortBetas(betas, { allowBetas: ['context-1m-2025-08-07'] }).passed).toEqual(betas.slice(0, 2));
  });
});
