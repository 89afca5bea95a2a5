import { FieldTable } from '../../fields';

/** Fields that metering or the answer's form depend on, and those that a backend could take for another input. */
export const EMBEDDING_FIELDS = new FieldTable({
  metered: ['model', 'input', 'encoding_format', 'dimensions'],
  unpriced: ['messages', 'prompt', 'stream', 'max_tokens', 'max_completion_tokens', 'n'],
  harmless: { stream: [false] },
  known: ['user', 'metadata', 'store', 'safety_identifier', 'truncate', 'truncate_prompt_tokens', 'embd_normalize'],
});

export const OUTSIDE_EMBEDDING: ReadonlySet<string> = new Set(['encoding_format', 'dimensions']);
