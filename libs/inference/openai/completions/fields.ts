import { HARMLESS_VALUES, UNPRICED_FIELDS } from '../chat/fields';
import { FieldTable } from '../field-table';

/** Fields that metering or routing reads, and those that a backend could take for another prompt or cap. */
export const COMPLETION_FIELDS = new FieldTable({
  metered: [
    'model',
    'prompt',
    'suffix',
    'echo',
    'stream',
    'stream_options',
    'include_usage',
    'max_tokens',
    'n',
    'best_of',
  ],
  unpriced: [...UNPRICED_FIELDS, 'messages', 'input', 'max_completion_tokens', 'max_output_tokens', 'tools'],
  harmless: HARMLESS_VALUES,
});

export const OUTSIDE_COMPLETION: ReadonlySet<string> = new Set(['echo', 'logprobs', 'n', 'best_of', 'max_tokens']);
