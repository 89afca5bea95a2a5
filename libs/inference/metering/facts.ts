import type { TokenUsage } from '#kernel';

/** What one prompt holds, as far as metering needs to know. Filled by each wire dialect's parser. */
export interface PromptFacts {
  /** UTF-8 bytes of all text: messages, tools, schemas, and whatever unknown fields might bring into the prompt. */
  readonly textBytes: number;
  /** Tokens that the client sent as numbers instead of text (completions, embeddings). */
  readonly tokenIds: number;
  readonly messages: number;
  readonly tools: number;
  readonly images: number;
  readonly audios: number;
  readonly files: number;
  /** Parts of a kind that the platform does not know: each may fill the whole context. */
  readonly otherParts: number;
}

export const NO_PROMPT: PromptFacts = {
  textBytes: 0,
  tokenIds: 0,
  messages: 0,
  tools: 0,
  images: 0,
  audios: 0,
  files: 0,
  otherParts: 0,
};

/** What one call asks for, whatever its dialect: all that `callBounds` needs besides the model. */
export interface CallFacts {
  /** One for a chat; one per prompt of a completion and per item of an embedding. */
  readonly prompts: readonly PromptFacts[];
  /** `max(n, best_of)`; 0 where nothing is generated (embeddings). */
  readonly outputsPerPrompt: number;
  /** The client's own cap in tokens per output, before clamping. */
  readonly outputCap?: number;
}

/** The tokens of a prompt in disjoint buckets, as a backend named them before its answer was whole. */
export type KnownInput = Pick<TokenUsage, 'input' | 'cachedInput' | 'cacheWrite'>;

/** What a backend said about the tokens of one call. */
export type UsageReading =
  | { readonly kind: 'reported'; readonly usage: TokenUsage; readonly details?: UsageDetails }
  /** It said nothing of the whole; some dialects tell the input with their first frame. */
  | { readonly kind: 'absent'; readonly input?: KnownInput }
  /** It said something impossible; `reason` is for the record. Never charged as reported. */
  | { readonly kind: 'absurd'; readonly reason: string };

/** What a backend said beyond the buckets that have a price; passed on, never made up. */
export interface UsageDetails {
  /** Of the output, what was reasoning. */
  readonly reasoningTokens?: number;
}

/** What the platform itself saw of the output, for calls whose backend reports no usable usage. */
export interface SeenOutput {
  /** UTF-8 bytes of content, refusals, visible reasoning, and names and arguments of tool calls, over all choices. */
  readonly textBytes: number;
  /** Pieces of output that arrived one by one: at least one token each. 0 for an unstreamed answer. */
  readonly deltas: number;
  /** More was generated, and is billed, than could be seen: reasoning that is shown in summary or not at all. */
  readonly isPartial?: boolean;
}
