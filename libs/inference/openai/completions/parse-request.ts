import { isJsonObject, type JsonObject } from '../../json';
import type { CallFacts } from '../../metering/facts';
import { utf8Bytes } from '../../metering/text-bytes';
import type { RequestRefusal } from '../chat/request';
import { meterPrompts, type Prompt, parsePrompts } from '../prompts';
import {
  checkCap,
  checkChoices,
  checkFields,
  checkModel,
  checkStream,
  NOT_AN_OBJECT,
  refusal,
  wantsUsage,
} from '../request-checks';
import { COMPLETION_FIELDS, OUTSIDE_COMPLETION } from './fields';

/** A client's request for text completions, checked as far as metering and routing need it. */
export interface CompletionRequest {
  readonly model: string;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly facts: CallFacts;
  /** What the route does not know: only an operator can let it through, for one backend. */
  readonly unknownFields: readonly string[];
  /** How many choices the answer has: `n` per prompt. */
  readonly choices: number;
  /** Bytes of prompts that the answer repeats (`echo`): they were read, not generated. */
  readonly echoedBytes: number;
  readonly body: JsonObject;
}

export type ParsedCompletionRequest =
  | { readonly ok: true; readonly request: CompletionRequest }
  | { readonly ok: false; readonly refusal: RequestRefusal };

function checkSuffix({ suffix }: JsonObject): RequestRefusal | undefined {
  if (suffix === undefined || suffix === null || typeof suffix === 'string') return undefined;
  return refusal('invalid_type', 'suffix', "'suffix' must be a string.");
}

function checkEcho({ echo }: JsonObject): RequestRefusal | undefined {
  if (echo === undefined || echo === null || typeof echo === 'boolean') return undefined;
  return refusal('invalid_type', 'echo', "'echo' must be true or false.");
}

/** The backend generates `best_of` and answers the best `n` of them. */
function checkBestOf(body: JsonObject): RequestRefusal | undefined {
  const { n, best_of: bestOf } = body;
  if (typeof bestOf !== 'number' || bestOf >= Number(n ?? 1)) return undefined;
  return refusal('invalid_value', 'best_of', "'best_of' must not be smaller than 'n'.");
}

function echoedBytes(body: JsonObject, prompts: readonly Prompt[]): number {
  if (body.echo !== true) return 0;
  const bytes = prompts.reduce((sum, prompt) => sum + (typeof prompt === 'string' ? utf8Bytes(prompt) : 0), 0);
  return bytes * Number(body.n ?? 1);
}

/** Checks a parsed body as far as metering and routing need it; everything else is the backend's to judge. */
export function parseCompletionRequest(body: unknown): ParsedCompletionRequest {
  if (!isJsonObject(body)) return { ok: false, refusal: NOT_AN_OBJECT };
  const fault =
    checkFields(body, COMPLETION_FIELDS) ??
    checkModel(body) ??
    checkStream(body, COMPLETION_FIELDS) ??
    checkChoices(body, 'n') ??
    checkChoices(body, 'best_of') ??
    checkBestOf(body) ??
    checkCap(body, 'max_tokens') ??
    checkSuffix(body) ??
    checkEcho(body);
  if (fault !== undefined) return { ok: false, refusal: fault };
  const parsed = parsePrompts(body.prompt, 'prompt');
  if (!parsed.ok) return parsed;
  const metered = meterPrompts(body, 'prompt', parsed.prompts, OUTSIDE_COMPLETION);
  if (!metered.ok) return metered;
  const n = Number(body.n ?? 1);
  return {
    ok: true,
    request: {
      model: String(body.model),
      stream: body.stream === true,
      includeUsage: wantsUsage(body),
      facts: {
        prompts: metered.prompts,
        outputsPerPrompt: Math.max(n, Number(body.best_of ?? 1)),
        ...(body.max_tokens === undefined ? {} : { outputCap: Number(body.max_tokens) }),
      },
      choices: n * parsed.prompts.length,
      echoedBytes: echoedBytes(body, parsed.prompts),
      unknownFields: COMPLETION_FIELDS.unknownIn(body),
      body,
    },
  };
}
