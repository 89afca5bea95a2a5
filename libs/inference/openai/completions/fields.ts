import { FieldTable } from '../../fields';
import { SAMPLING_FIELDS, STREAM_OPTIONS } from '../chat/fields';

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
  unpriced: ['messages', 'input', 'max_completion_tokens', 'tools'],
  known: [
    'frequency_penalty',
    'logit_bias',
    'logprobs',
    'metadata',
    'presence_penalty',
    'response_format',
    'seed',
    'stop',
    'store',
    'temperature',
    'top_logprobs',
    'top_p',
    'user',
    ...SAMPLING_FIELDS,
  ],
  members: { stream_options: STREAM_OPTIONS },
});

export const OUTSIDE_COMPLETION: ReadonlySet<string> = new Set(['echo', 'logprobs', 'n', 'best_of', 'max_tokens']);
