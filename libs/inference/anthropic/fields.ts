import { FieldTable } from '../openai/field-table';

/**
 * Fields that metering or routing reads, and the closed list of those that cost something else, choose another model or
 * place, or bring text into the prompt that the request does not hold.
 */
export const MESSAGES_FIELDS = new FieldTable({
  metered: ['model', 'messages', 'system', 'max_tokens', 'stream', 'tools', 'cache_control', 'thinking'],
  unpriced: [
    'service_tier',
    // Dearer ways to run the same model.
    'speed',
    'inference_geo',
    // Tools and state on the backend's side.
    'container',
    'mcp_servers',
    'context_management',
    // Another model or account than the one that was priced.
    'fallbacks',
    'models',
    'route',
    'plugins',
    'workspace_id',
    'user_profile_id',
    // What other backends could take for a second prompt, cap or count.
    'prompt',
    'input',
    'n',
    'best_of',
    'max_completion_tokens',
    'max_output_tokens',
    'max_tokens_to_sample',
  ],
  harmless: { service_tier: ['auto', 'standard_only'], speed: ['standard'] },
});

/** Fields whose text never enters a prompt. */
export const OUTSIDE_PROMPT: ReadonlySet<string> = new Set([
  'model',
  'max_tokens',
  'stream',
  'stop_sequences',
  'metadata',
  'service_tier',
  'thinking',
  'speed',
  'tool_choice',
]);
