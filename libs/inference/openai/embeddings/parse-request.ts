import { isJsonObject, type JsonObject } from '../../json';
import type { CallFacts } from '../../metering/facts';
import type { RequestRefusal } from '../chat/request';
import { meterPrompts, parsePrompts } from '../prompts';
import { checkFields, checkModel, NOT_AN_OBJECT, refusal } from '../request-checks';
import { EMBEDDING_FIELDS, OUTSIDE_EMBEDDING } from './fields';

export type EmbeddingFormat = 'float' | 'base64';

/** A client's request for embeddings, checked as far as metering and the form of the answer need it. */
export interface EmbeddingRequest {
  readonly model: string;
  /** Embeddings have no stream. */
  readonly stream: false;
  readonly facts: CallFacts;
  /** What the route does not know: only an operator can let it through, for one backend. */
  readonly unknownFields: readonly string[];
  /** What the client reads, whatever the backend answers in. */
  readonly format: EmbeddingFormat;
  readonly body: JsonObject;
}

export type ParsedEmbeddingRequest =
  | { readonly ok: true; readonly request: EmbeddingRequest }
  | { readonly ok: false; readonly refusal: RequestRefusal };

function checkFormat({ encoding_format: format }: JsonObject): RequestRefusal | undefined {
  if (format === undefined || format === null || format === 'float' || format === 'base64') return undefined;
  return refusal('invalid_value', 'encoding_format', "'encoding_format' must be 'float' or 'base64'.");
}

function checkDimensions({ dimensions }: JsonObject): RequestRefusal | undefined {
  if (dimensions === undefined || dimensions === null) return undefined;
  if (typeof dimensions === 'number' && Number.isSafeInteger(dimensions) && dimensions > 0) return undefined;
  return refusal('invalid_value', 'dimensions', "'dimensions' must be a positive integer.");
}

/** Checks a parsed body as far as metering needs it. Each item of the input is bounded by itself. */
export function parseEmbeddingRequest(body: unknown): ParsedEmbeddingRequest {
  if (!isJsonObject(body)) return { ok: false, refusal: NOT_AN_OBJECT };
  const fault = checkFields(body, EMBEDDING_FIELDS) ?? checkModel(body) ?? checkFormat(body) ?? checkDimensions(body);
  if (fault !== undefined) return { ok: false, refusal: fault };
  const parsed = parsePrompts(body.input, 'input');
  if (!parsed.ok) return parsed;
  const metered = meterPrompts(body, 'input', parsed.prompts, OUTSIDE_EMBEDDING);
  if (!metered.ok) return metered;
  return {
    ok: true,
    request: {
      model: String(body.model),
      stream: false,
      facts: { prompts: metered.prompts, outputsPerPrompt: 0 },
      format: body.encoding_format === 'base64' ? 'base64' : 'float',
      unknownFields: EMBEDDING_FIELDS.unknownIn(body),
      body,
    },
  };
}
