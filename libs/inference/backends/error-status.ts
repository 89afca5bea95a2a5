import type { BackendError } from './trouble';

/** What an error says that it is, where it comes inside of an answer with status 200: Anthropic's types, then OpenAI's. */
const STATUS_OF_WORD: ReadonlyMap<string, number> = new Map([
  ['invalid_request_error', 400],
  ['badrequesterror', 400],
  ['invalid_request', 400],
  ['context_length_exceeded', 400],
  ['content_filter', 400],
  ['authentication_error', 401],
  ['invalid_api_key', 401],
  ['billing_error', 402],
  ['insufficient_quota', 402],
  ['permission_error', 403],
  ['not_found_error', 404],
  ['model_not_found', 404],
  ['request_too_large', 413],
  ['rate_limit_error', 429],
  ['rate_limit_exceeded', 429],
  ['api_error', 500],
  ['server_error', 500],
  ['internal_server_error', 500],
  ['timeout_error', 504],
  ['overloaded_error', 529],
  ['overloaded', 529],
]);

/** For an error that does not say what it is: the backend failed. */
const UNSAID = 500;

function statusOfWord(word: string | undefined): number | undefined {
  if (word === undefined) return undefined;
  if (/^[45]\d\d$/.test(word)) return Number(word);
  return STATUS_OF_WORD.get(word.toLowerCase());
}

/** The status that an error inside of a 200 would have had as an answer of its own: by its code, else by its type. */
export function statusOfError({ code, type }: BackendError): number {
  return statusOfWord(code) ?? statusOfWord(type) ?? UNSAID;
}
