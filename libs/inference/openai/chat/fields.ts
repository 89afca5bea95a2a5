import { FieldTable } from '../field-table';

/** Fields that metering or routing reads. */
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
export const UNPRICED_FIELDS = [
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
  'data_sources',
  'enhancements',
  'connectors',
  // Another model, place or maker than the one that was priced.
  'models',
  'route',
  'provider',
  'fallbacks',
  'lora_path',
  'deferred',
  // Instructions or turns of the backend's own.
  'safe_prompt',
  'prompt_mode',
  'session_params',
  // A draft of the output, which is billed where it is wrong; another name for 'prediction'.
  'speculation',
  // A template can repeat its text without end.
  'chat_template',
  // A prompt in a form that cannot be counted.
  'prompt_embeds',
] as const;

/** Values of unpriced fields that mean the default and therefore pass. */
export const HARMLESS_VALUES: Readonly<Record<string, readonly unknown[]>> = {
  service_tier: ['auto', 'default'],
  enable_search: [false],
  safe_prompt: [false],
  deferred: [false],
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

export const CHAT_FIELDS = new FieldTable({
  metered: METERED_FIELDS,
  unpriced: UNPRICED_FIELDS,
  harmless: HARMLESS_VALUES,
});
