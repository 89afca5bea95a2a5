import { type CallFacts, callBounds } from '#inference';
import type { Model } from '#inference/catalogue';
import type { CallBounds } from '#kernel';
import type { ModelDirectory } from './ports';

/**
 * What an Anthropic backend writes into the prompt of every request with tools, and bills: 313 to 530 tokens by the
 * model (its pricing page, "tool use system prompt"). No byte of it is in the request.
 */
const TOOL_PROMPT_TOKENS_MAX = 1_000;

/**
 * The bounds of a call wherever the model's routes may send it: one hold covers a failover too.
 */
export function boundsOfCall(models: Pick<ModelDirectory, 'backends'>, model: Model, facts: CallFacts): CallBounds {
  if (facts.prompts.every(({ tools }) => tools === 0)) return callBounds(model, facts);
  const backends = models.backends();
  if (!model.routes.some(({ backendId }) => backends.get(backendId)?.kind === 'anthropic'))
    return callBounds(model, facts);
  const { bounds } = model;
  const requestOverheadTokens = bounds.requestOverheadTokens + TOOL_PROMPT_TOKENS_MAX;
  return callBounds({ ...model, bounds: { ...bounds, requestOverheadTokens } }, facts);
}

/** Sound is billed at a rate of its own: only an operator who bounded it for a model has priced the model for it. */
export function hasUnpricedSound(model: Model, { prompts }: CallFacts): boolean {
  return model.bounds.audioTokensMax === undefined && prompts.some(({ audios }) => audios > 0);
}
