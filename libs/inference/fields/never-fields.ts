/**
 * Fields that no client may send and no operator can let through, on any route: each of them costs something that has
 * no price here, or is another name for a cap, a price, a host or a key, or a place in which a host looks for such
 * names. What the platform decides or meters under one name must not be decided again under another.
 */
const CAPS_AND_COUNTS = [
  'n_predict',
  'num_predict',
  'max_new_tokens',
  'max_length',
  'max_total_tokens',
  'max_output_tokens',
  'max_tokens_to_sample',
  'max_tokens_per_sample',
  'max_gen_len',
  'max_gen_toks',
  'max_generated_tokens',
  'max_decode_steps',
  'min_tokens',
  'min_new_tokens',
  'min_length',
  'min_output_tokens',
  'min_thinking_tokens',
  'ignore_eos',
  'ignore_eos_token',
  'best_of',
  'num_return_sequences',
  'num_generations',
  'num_completions',
  'num_samples',
  'candidate_count',
  'use_beam_search',
  'num_beams',
  'beam_width',
  'beam_size',
  'num_ctx',
  'n_ctx',
  'num_keep',
  'n_keep',
  'n_discard',
] as const;

const HOSTS_AND_KEYS = [
  'api_base',
  'api_key',
  'api_version',
  'api_type',
  'base_url',
  'base_model',
  'endpoint',
  'host',
  'url',
  'webhook',
  'callback',
  'callbacks',
  'success_callback',
  'failure_callback',
  'organization',
  'custom_llm_provider',
  'deployment_id',
  'model_list',
  'model_info',
  'model_config',
  'model_name',
  'model_id',
  'base_model_id',
  'user_config',
  'region_name',
  'client',
  'headers',
  'default_headers',
  'extra_headers',
  'extra_query',
  'extra_body',
  'ssl_verify',
  'timeout',
  'request_timeout',
  'stream_timeout',
  'max_retries',
  'num_retries',
  'input_cost_per_token',
  'output_cost_per_token',
  'input_cost_per_second',
  'output_cost_per_second',
  'allowed_openai_params',
  'drop_params',
  'additional_drop_params',
  'context_window_fallback_dict',
  'content_policy_fallback_dict',
  'disable_fallbacks',
  'proxy_server_request',
  'configurable_clientside_auth_params',
  'betas',
  'anthropic_beta',
  'anthropic_version',
] as const;

/** What costs something other than tokens of the four buckets, or other tokens at another price. */
const WITHOUT_A_PRICE = [
  'service_tier',
  'speed',
  'inference_geo',
  'web_search_options',
  'modalities',
  'audio',
  'moderation',
  // A draft of the output, which is billed where it is wrong.
  'prediction',
  // Retrieval, hosted tools and memory of the backend's own.
  'search_parameters',
  'search_settings',
  'search_options',
  'enable_search',
  'plugins',
  'compound_custom',
  'data_sources',
  'enhancements',
  'connectors',
  'container',
  'mcp_servers',
  'thread',
  'compaction',
  'background_options',
  // Another account than the one that was priced.
  'billing_policy',
  'fallback_credit_token',
  'workspace_id',
  'user_profile_id',
  'access_programs',
  // Answered later, or in another way.
  'deferred',
  // Instructions of the backend's own.
  'safe_prompt',
  'prompt_mode',
] as const;

/** Other models, adapters and makers than those that were priced. */
const OTHER_MODELS = [
  'models',
  'route',
  'provider',
  'fallbacks',
  'lora',
  'lora_path',
  'lora_request',
  'lora_adapters',
  'adapter_id',
  'adapter_source',
  'draft_model',
  'safety_model',
  'speculation',
] as const;

/** Where hosts look for options of their own, and what reaches into the server or into other calls on it. */
const HIDING_PLACES = [
  'options',
  'extra',
  'extras',
  'vendor',
  'vendor_options',
  'provider_options',
  'provider_specific',
  'nvext',
  'google',
  'kwargs',
  'model_kwargs',
  'generate_kwargs',
  'generation_config',
  'sampling_params',
  'inference_config',
  'parameters',
  'params',
  'config',
  'custom_params',
  'override',
  'overrides',
  'vllm_xargs',
  'additional_model_request_fields',
  'kv_transfer_params',
  'ec_transfer_params',
  'mm_processor_kwargs',
  'media_io_kwargs',
  'logits_processors',
  'logit_processors',
  'custom_logit_processor',
  'data_parallel_rank',
  'priority',
  'keep_alive',
  'id_slot',
  'slot_id',
  'request_id',
  'rid',
] as const;

/** Prompts that the request does not hold, or holds in a form that cannot be counted. */
const UNCOUNTABLE_PROMPTS = [
  'chat_template',
  'template',
  'raw',
  'prompt_embeds',
  'input_embeds',
  'context',
  'cached_content',
  'images',
  'image_data',
  'audio_data',
  'video_data',
  'prompt_id',
  'prompt_variables',
  'session_params',
] as const;

export const NEVER_FIELDS: readonly string[] = [
  ...WITHOUT_A_PRICE,
  ...CAPS_AND_COUNTS,
  ...HOSTS_AND_KEYS,
  ...OTHER_MODELS,
  ...HIDING_PLACES,
  ...UNCOUNTABLE_PROMPTS,
];

/** Values with which such a field changes nothing, as some clients send them by default. */
export const NEVER_BUT_HARMLESS: Readonly<Record<string, readonly unknown[]>> = {
  service_tier: ['auto', 'default'],
  speed: ['standard'],
  enable_search: [false],
  safe_prompt: [false],
  deferred: [false],
  ignore_eos: [false],
  use_beam_search: [false],
  num_beams: [1],
  min_tokens: [0],
  min_length: [0],
  priority: [0],
};

/** What several fields of one maker begin with: accounts, regions and secrets of clouds, switches of proxies. */
const NEVER_BEGINNINGS = ['aws_', 'azure_', 'vertex_', 'watsonx_', 'sagemaker_', 'litellm_', 'mock_', 'bootstrap_'];

/**
 * Upper case first, because some letters (ſ, K) fold onto ASCII in one direction only; underscores go, because JSON
 * mappings of protocol buffers take `maxTokens` for `max_tokens`, and hyphens with them.
 */
export function foldField(key: string): string {
  return key.toUpperCase().toLowerCase().replaceAll(/[_-]/g, '');
}

const FOLDED: ReadonlySet<string> = new Set(NEVER_FIELDS.map(foldField));
const FOLDED_BEGINNINGS: readonly string[] = NEVER_BEGINNINGS.map(foldField);

/** Begins as those of one maker do, and goes on: `mock` alone is nobody's field, `mock_response` is. */
export function beginsAsNever(key: string): boolean {
  const folded = foldField(key);
  return FOLDED_BEGINNINGS.some((beginning) => folded.startsWith(beginning) && folded.length > beginning.length);
}

/** Whether a name is one of those that never pass, but for its spelling. */
export function isNeverField(key: string): boolean {
  return FOLDED.has(foldField(key)) || beginsAsNever(key);
}
