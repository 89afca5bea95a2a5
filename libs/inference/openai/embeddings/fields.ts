import { HARMLESS_VALUES, UNPRICED_FIELDS } from '../chat/fields';
import { FieldTable } from '../field-table';

/** Fields that metering or the answer's form depend on, and those that a backend could take for another input. */
export const EMBEDDING_FIELDS = new FieldTable({
  metered: ['model', 'input', 'encoding_format', 'dimensions'],
  unpriced: [...UNPRICED_FIELDS, 'messages', 'prompt', 'stream'],
  harmless: { ...HARMLESS_VALUES, stream: [false] },
});

export const OUTSIDE_EMBEDDING: ReadonlySet<string> = new Set(['encoding_format', 'dimensions']);
