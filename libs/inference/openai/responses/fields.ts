import { HARMLESS_VALUES, UNPRICED_FIELDS } from '../chat/fields';
import { FieldTable } from '../field-table';

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
    ...UNPRICED_FIELDS,
    // Further model calls or tools on the backend's side.
    'context_management',
    'max_tool_calls',
    // What a backend could take for a second prompt, cap or count.
    'messages',
    'max_tokens',
    'max_completion_tokens',
    'n',
    'best_of',
    'functions',
  ],
  harmless: HARMLESS_VALUES,
});

/** Fields whose text never enters a prompt, besides those of every route. */
export const OUTSIDE_RESPONSE_PROMPT: ReadonlySet<string> = new Set([
  'include',
  'truncation',
  'reasoning',
  'tool_choice',
  'max_output_tokens',
]);
