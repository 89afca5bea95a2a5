import { FieldTable } from '../../fields';
import { STREAM_OPTIONS } from '../chat/fields';

export const RESPONSES_FIELDS = new FieldTable({
  metered: [
    'model',
    'input',
    'instructions',
    'max_output_tokens',
    'stream',
    'stream_options',
    'tools',
    'store',
    'previous_response_id',
    'background',
    'conversation',
    'prompt',
    'include',
    'truncation',
  ],
  unpriced: [
    // Further model calls or tools on the backend's side.
    'context_management',
    'max_tool_calls',
    // What a backend could take for a second prompt, cap or count.
    'messages',
    'max_tokens',
    'max_completion_tokens',
    'n',
    'functions',
  ],
  known: [
    'client_metadata',
    'metadata',
    'parallel_tool_calls',
    'prompt_cache_key',
    'prompt_cache_options',
    'prompt_cache_retention',
    'reasoning',
    'safety_identifier',
    'temperature',
    'text',
    'tool_choice',
    'top_logprobs',
    'top_p',
    'user',
  ],
  members: { stream_options: STREAM_OPTIONS, prompt_cache_options: ['mode', 'ttl'] },
});

/** Fields whose text never enters a prompt, besides those of every route. */
export const OUTSIDE_RESPONSE_PROMPT: ReadonlySet<string> = new Set([
  'include',
  'truncation',
  'reasoning',
  'tool_choice',
  'max_output_tokens',
  'client_metadata',
]);
