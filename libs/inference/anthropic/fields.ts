import { FieldTable } from '../fields';

/** Fields that metering or routing reads, and those that the API has beside them. */
export const MESSAGES_FIELDS = new FieldTable({
  metered: [
    'model',
    'messages',
    'system',
    'max_tokens',
    'stream',
    'tools',
    'cache_control',
    'thinking',
    'context_management',
  ],
  // What other backends could take for a second prompt, cap or count.
  unpriced: ['prompt', 'input', 'n', 'max_completion_tokens'],
  harmless: { service_tier: ['auto', 'standard_only'] },
  known: [
    'diagnostics',
    'metadata',
    'output_config',
    'output_format',
    'stop_sequences',
    'temperature',
    'tool_choice',
    'top_k',
    'top_p',
  ],
  members: {
    context_management: ['edits'],
    diagnostics: ['previous_message_id'],
    output_config: ['effort', 'format', 'task_budget'],
    thinking: ['type', 'budget_tokens', 'display', 'block_binding'],
  },
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
  'context_management',
  'diagnostics',
]);
