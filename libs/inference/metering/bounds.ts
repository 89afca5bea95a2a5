import type { CallBounds } from '#kernel';
import type { Model } from '../catalogue/types';
import type { CallFacts, PromptFacts } from './facts';

/** What of a model bounds its calls. */
export type BoundedModel = Pick<
  Model,
  'kind' | 'contextTokens' | 'maxOutputTokens' | 'defaultOutputTokens' | 'bounds' | 'boundWithdrawn'
>;

/** A common ratio of bytes to tokens; for estimates only, never for bounds. */
const BYTES_PER_TOKEN = 4;

function overheadTokens(model: BoundedModel, prompt: PromptFacts): number {
  const { requestOverheadTokens, messageOverheadTokens, toolOverheadTokens } = model.bounds;
  return requestOverheadTokens + prompt.messages * messageOverheadTokens + prompt.tools * toolOverheadTokens;
}

/** Tokens of one part of each kind. */
interface PartTokens {
  readonly image: number;
  readonly audio: number;
  readonly file: number;
  readonly other: number;
}

/**
 * What a picture, a minute of sound or a document of a few pages often comes to; for estimates only. An estimate of the
 * whole context, which is their bound where a model declares none, would leave no room for a default output.
 */
const USUAL_PART_TOKENS: PartTokens = { image: 1_000, audio: 1_000, file: 5_000, other: 1_000 };

/** The tokens of all parts that are not text: by the model's declared bounds, else as given. */
function partTokens({ bounds }: BoundedModel, prompt: PromptFacts, undeclared: PartTokens): number {
  return (
    prompt.images * (bounds.imageTokensMax ?? undeclared.image) +
    prompt.audios * (bounds.audioTokensMax ?? undeclared.audio) +
    prompt.files * (bounds.fileTokensMax ?? undeclared.file) +
    prompt.otherParts * undeclared.other
  );
}

/** No backend reads more than its context. */
function partTokensMax(model: BoundedModel, prompt: PromptFacts): number {
  const whole = model.contextTokens;
  return partTokens(model, prompt, { image: whole, audio: whole, file: whole, other: whole });
}

function promptTokensMax(model: BoundedModel, prompt: PromptFacts): number {
  // A model that exceeded its declared bound once holds its whole context until an operator declares another.
  if (model.boundWithdrawn === true) return model.contextTokens;
  const text = Math.ceil(model.bounds.textFactor * prompt.textBytes);
  const bound = text + prompt.tokenIds + overheadTokens(model, prompt) + partTokensMax(model, prompt);
  return Math.min(model.contextTokens, bound);
}

function promptTokensEstimate(model: BoundedModel, prompt: PromptFacts): number {
  const text = Math.ceil(prompt.textBytes / BYTES_PER_TOKEN);
  return text + prompt.tokenIds + overheadTokens(model, prompt) + partTokens(model, prompt, USUAL_PART_TOKENS);
}

/** A default cap leaves room for the estimated input: the byte bound would leave far too little (inference rules). */
function defaultCap(model: BoundedModel, estimate: number): number {
  const room = model.contextTokens - estimate;
  return Math.max(1, Math.min(model.defaultOutputTokens, model.maxOutputTokens, room));
}

/**
 * The upper bound of what a call may consume, decided before it is dispatched. Prompts are bounded one by one, each by
 * the context at most, and added up.
 */
export function callBounds(model: BoundedModel, facts: CallFacts): CallBounds {
  let inputTokensMax = 0;
  let inputTokensEstimate = 0;
  let largestEstimate = 0;
  for (const prompt of facts.prompts) {
    const bound = promptTokensMax(model, prompt);
    const estimate = Math.min(bound, promptTokensEstimate(model, prompt));
    inputTokensMax += bound;
    inputTokensEstimate += estimate;
    largestEstimate = Math.max(largestEstimate, estimate);
  }
  const outputsMax = facts.outputsPerPrompt * facts.prompts.length;
  const input = { inputTokensMax, inputTokensEstimate, outputsMax };
  if (outputsMax === 0) return { ...input, outputTokensCap: 0, outputCapSource: 'default' };
  if (facts.outputCap === undefined)
    return { ...input, outputTokensCap: defaultCap(model, largestEstimate), outputCapSource: 'default' };
  return {
    ...input,
    outputTokensCap: Math.min(facts.outputCap, model.maxOutputTokens),
    outputCapSource: 'client',
  };
}
