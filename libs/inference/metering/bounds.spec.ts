import fc from 'fast-check';
import { type BoundedModel, callBounds } from './bounds';
import { countedUsage } from './counted';
import { type CallFacts, NO_PROMPT, type PromptFacts } from './facts';

const model: BoundedModel = {
  kind: 'chat',
  contextTokens: 8_000,
  maxOutputTokens: 4_000,
  defaultOutputTokens: 1_000,
  bounds: { textFactor: 1, requestOverheadTokens: 3, messageOverheadTokens: 4, toolOverheadTokens: 10 },
};

function chat(prompt: Partial<PromptFacts>, rest: Partial<CallFacts> = {}): CallFacts {
  return { prompts: [{ ...NO_PROMPT, ...prompt }], outputsPerPrompt: 1, ...rest };
}

describe('callBounds: input', () => {
  it('is the bytes of all text and the overheads', () => {
    expect(callBounds(model, chat({ textBytes: 100, messages: 2, tools: 1 })).inputTokensMax).toBe(100 + 3 + 8 + 10);
  });

  it('grows by the factor of a tokenizer that normalizes first', () => {
    const nfkc = { ...model, bounds: { ...model.bounds, textFactor: 11 } };
    expect(callBounds(nfkc, chat({ textBytes: 100 })).inputTokensMax).toBe(1_103);
  });

  it('never exceeds the context', () => {
    expect(callBounds(model, chat({ textBytes: 1_000_000 })).inputTokensMax).toBe(8_000);
  });

  it('takes the declared bound of a part, else the whole context', () => {
    const seeing = { ...model, bounds: { ...model.bounds, imageTokensMax: 500 } };
    expect(callBounds(seeing, chat({ images: 2 })).inputTokensMax).toBe(1_003);
    expect(callBounds(model, chat({ images: 1 })).inputTokensMax).toBe(8_000);
    for (const part of ['audios', 'files', 'otherParts'])
      expect(callBounds(seeing, chat({ [part]: 1 })).inputTokensMax).toBe(8_000);
  });

  it('is the whole context after a declared bound was exceeded', () => {
    expect(callBounds({ ...model, boundWithdrawn: true }, chat({ textBytes: 1 })).inputTokensMax).toBe(8_000);
  });

  it('adds up prompts, each bounded by the context', () => {
    const facts: CallFacts = {
      prompts: [
        { ...NO_PROMPT, textBytes: 10 },
        { ...NO_PROMPT, tokenIds: 5 },
        { ...NO_PROMPT, textBytes: 99_999 },
      ],
      outputsPerPrompt: 2,
    };
    expect(callBounds(model, facts)).toMatchObject({ inputTokensMax: 13 + 8 + 8_000, outputsMax: 6 });
  });

  it('is never less than the estimate', () => {
    fc.assert(
      fc.property(fc.nat(100_000), fc.nat(50), fc.nat(3), (textBytes, messages, images) => {
        const bounds = callBounds(model, chat({ textBytes, messages, images }));
        expect(bounds.inputTokensEstimate).toBeLessThanOrEqual(bounds.inputTokensMax);
      }),
    );
  });
});

describe('callBounds: output cap', () => {
  it("keeps the client's cap, clamped to what the model can", () => {
    expect(callBounds(model, chat({}, { outputCap: 7 }))).toMatchObject({
      outputTokensCap: 7,
      outputCapSource: 'client',
    });
    expect(callBounds(model, chat({}, { outputCap: 9_999 })).outputTokensCap).toBe(4_000);
  });

  it('injects the default where it fits the context beside the estimated input', () => {
    expect(callBounds(model, chat({ textBytes: 100 }))).toMatchObject({
      outputTokensCap: 1_000,
      outputCapSource: 'default',
    });
    // 28,800 bytes are about 7,200 tokens, though the bound is the whole context.
    const long = callBounds(model, chat({ textBytes: 28_800 }));
    expect(long).toMatchObject({ inputTokensMax: 8_000, outputTokensCap: 8_000 - 7_203 });
  });

  it('leaves room for the default beside a picture whose bound nobody declared', () => {
    expect(callBounds(model, chat({ textBytes: 100, images: 1 }))).toMatchObject({
      inputTokensMax: 8_000,
      inputTokensEstimate: 1_000 + 25 + 3,
      outputTokensCap: 1_000,
    });
  });

  it('is at least 1', () => {
    expect(callBounds(model, chat({ textBytes: 1_000_000 })).outputTokensCap).toBe(1);
  });

  it('is 0 where nothing is generated', () => {
    expect(callBounds(model, chat({}, { outputsPerPrompt: 0 }))).toMatchObject({ outputTokensCap: 0, outputsMax: 0 });
  });
});

describe('countedUsage', () => {
  const bounds = callBounds(model, chat({ textBytes: 97 }, { outputCap: 50, outputsPerPrompt: 2 }));

  it('is the bound of the input and the seen output', () => {
    expect(countedUsage(bounds, 50, { textBytes: 30, deltas: 4 })).toEqual({
      input: 100,
      cachedInput: 0,
      cacheWrite: 0,
      output: 10,
    });
  });

  it('counts at least one token per piece, and never more than was held', () => {
    expect(countedUsage(bounds, 50, { textBytes: 30, deltas: 25 }).output).toBe(25);
    expect(countedUsage(bounds, 50, { textBytes: 9_000, deltas: 25 }).output).toBe(100);
  });

  it('takes the input that the backend had named before, where that is possible', () => {
    const seen = { textBytes: 30, deltas: 4 };
    const named = { input: 5, cachedInput: 2, cacheWrite: 1 };
    expect(countedUsage(bounds, 50, seen, named)).toMatchObject({ ...named, output: 10 });
    const bound = { input: bounds.inputTokensMax, cachedInput: 0, cacheWrite: 0 };
    for (const impossible of [
      { input: 0, cachedInput: 0, cacheWrite: 0 },
      { input: bounds.inputTokensMax, cachedInput: 1, cacheWrite: 0 },
    ])
      expect(countedUsage(bounds, 50, seen, impossible)).toMatchObject(bound);
  });
});
