import { FieldTable } from '../../fields';

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

/** What OpenAI's own chat takes, and costs nothing beside the tokens of prompt and output. */
const OF_OPENAI = [
  'frequency_penalty',
  'function_call',
  'logit_bias',
  'logprobs',
  'metadata',
  'parallel_tool_calls',
  'presence_penalty',
  'prompt_cache_key',
  'prompt_cache_options',
  'prompt_cache_retention',
  'reasoning_effort',
  'response_format',
  'safety_identifier',
  'seed',
  'stop',
  'store',
  'temperature',
  'tool_choice',
  'top_logprobs',
  'top_p',
  'user',
  'verbosity',
] as const;

/** How servers that speak OpenAI's dialect sample, beyond what OpenAI knows: the same for chats and completions. */
export const SAMPLING_FIELDS = [
  // vLLM, and servers that follow it.
  'top_k',
  'min_p',
  'repetition_penalty',
  'length_penalty',
  'stop_token_ids',
  'include_stop_str_in_output',
  'skip_special_tokens',
  'spaces_between_special_tokens',
  'bad_words',
  'allowed_token_ids',
  'prompt_logprobs',
  'return_tokens_as_token_ids',
  'return_token_ids',
  'truncate_prompt_tokens',
  'cache_salt',
  'guided_json',
  'guided_regex',
  'guided_choice',
  'guided_grammar',
  'guided_decoding_backend',
  'guided_whitespace_pattern',
  'structured_outputs',
  // SGLang.
  'regex',
  'ebnf',
  'no_stop_trim',
  // llama.cpp.
  'typical_p',
  'tfs_z',
  'repeat_penalty',
  'repeat_last_n',
  'penalize_nl',
  'mirostat',
  'mirostat_tau',
  'mirostat_eta',
  'dynatemp_range',
  'dynatemp_exponent',
  'xtc_probability',
  'xtc_threshold',
  'dry_multiplier',
  'dry_base',
  'dry_allowed_length',
  'dry_penalty_last_n',
  'dry_sequence_breakers',
  'samplers',
  'grammar',
  'json_schema',
  'top_n_sigma',
  'n_probs',
  'min_keep',
  'post_sampling_probs',
  'timings_per_token',
  'return_progress',
  'cache_prompt',
  't_max_predict_ms',
  // Mistral; Fireworks and Together; OpenRouter.
  'random_seed',
  'mirostat_target',
  'mirostat_lr',
  'context_length_exceeded_behavior',
  'prompt_truncate_len',
  'top_a',
] as const;

/** What they take for chats beside that. */
const OF_CHAT_SERVERS = [
  'add_generation_prompt',
  'continue_final_message',
  'chat_template_kwargs',
  'include_reasoning',
  'reasoning',
  'reasoning_format',
  'reasoning_history',
  'separate_reasoning',
  'stream_reasoning',
  'thinking',
  'thinking_token_budget',
  'thinking_forced_open',
  'parse_tool_calls',
  'disable_tool_validation',
  // Only ever shortens the prompt.
  'transforms',
  // Asks for what every answer tells anyway.
  'usage',
  // Its lifetime is looked at where prompts are metered.
  'cache_control',
] as const;

/** Members of fields that hold options. */
export const STREAM_OPTIONS = ['include_usage', 'include_obfuscation', 'continuous_usage_stats'] as const;
const CHAT_MEMBERS = {
  stream_options: STREAM_OPTIONS,
  prompt_cache_options: ['mode', 'ttl'],
  usage: ['include'],
  reasoning: ['effort', 'summary', 'generate_summary', 'max_tokens', 'enabled', 'exclude'],
  thinking: ['type', 'budget_tokens', 'display', 'clear_thinking'],
  // What templates of well-known models ask for; they decide how to think, not what else to say.
  chat_template_kwargs: [
    'enable_thinking',
    'thinking',
    'thinking_budget',
    'reasoning_effort',
    'clear_thinking',
    'preserve_thinking',
    'low_effort',
  ],
} as const;

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
  unpriced: [],
  known: [...OF_OPENAI, ...SAMPLING_FIELDS, ...OF_CHAT_SERVERS],
  members: CHAT_MEMBERS,
});
