/**
 * Fields that metering or routing reads. A body may not hold a key that equals one of them but for its spelling: some
 * backends match names without regard to case, and would read what we did not.
 */
const METERED_FIELDS = [
  'model',
  'messages',
  'stream',
  'stream_options',
  'include_usage',
  'max_tokens',
  'max_completion_tokens',
  'n',
  'best_of',
  'tools',
  'functions',
] as const;

/**
 * Fields of OpenAI-like backends that cost something other than tokens of the four buckets, choose another model or
 * price, or put text into the prompt that the request does not hold. The list is closed: none of them has a price here.
 * `store` costs nothing and passes.
 */
const UNPRICED_FIELDS = [
  'service_tier',
  'web_search_options',
  'prediction',
  'modalities',
  'audio',
  'moderation',
  // Retrieval and hosted tools of other makers.
  'search_parameters',
  'search_settings',
  'search_options',
  'enable_search',
  'plugins',
  'compound_custom',
  // Another model than the one that was priced.
  'models',
  'route',
  // A template can repeat its text without end.
  'chat_template',
  // A prompt in a form that cannot be counted.
  'prompt_embeds',
] as const;

/** Values of unpriced fields that mean the default and therefore pass. */
const HARMLESS_VALUES: Readonly<Record<string, readonly unknown[]>> = {
  service_tier: ['auto', 'default'],
  enable_search: [false],
};

/** Fields whose text never enters a prompt; everything else that is not a message counts as prompt text. */
export const OUTSIDE_PROMPT: ReadonlySet<string> = new Set([
  'model',
  'stream',
  'stream_options',
  'stop',
  'user',
  'metadata',
  'logit_bias',
  'modalities',
  'service_tier',
  'safety_identifier',
  'prompt_cache_key',
  'prompt_cache_retention',
  'prompt_cache_options',
  'reasoning_effort',
  'verbosity',
]);

const UNPRICED: ReadonlySet<string> = new Set(UNPRICED_FIELDS);
const EXACT: ReadonlySet<string> = new Set([...METERED_FIELDS, ...UNPRICED_FIELDS]);

/**
 * Upper case first, because some letters (ſ, K) fold onto ASCII in one direction only; underscores go, because JSON
 * mappings of protocol buffers take `maxTokens` for `max_tokens`.
 */
function fold(key: string): string {
  return key.toUpperCase().toLowerCase().replaceAll('_', '');
}

const FOLDED: ReadonlyMap<string, string> = new Map([...EXACT].map((name) => [fold(name), name]));

/** Keys recur from request to request; remembering the harmless ones saves folding them again. */
const HARMLESS_KEYS_MAX = 1_000;
const HARMLESS_KEY_LENGTH_MAX = 64;
const harmlessKeys = new Set<string>();

/** The metered field that a key could be mistaken for; undefined for the field itself and for all others. */
export function mistakenFor(key: string): string | undefined {
  if (EXACT.has(key) || harmlessKeys.has(key)) return undefined;
  const name = FOLDED.get(fold(key));
  if (name === undefined && key.length <= HARMLESS_KEY_LENGTH_MAX && harmlessKeys.size < HARMLESS_KEYS_MAX)
    harmlessKeys.add(key);
  return name;
}

/** Whether a field asks for something without a price. */
export function isUnpriced(key: string, value: unknown): boolean {
  if (!UNPRICED.has(key) || value === null || value === undefined) return false;
  if (HARMLESS_VALUES[key]?.includes(value)) return false;
  return !(key === 'modalities' && Array.isArray(value) && value.every((modality) => modality === 'text'));
}
