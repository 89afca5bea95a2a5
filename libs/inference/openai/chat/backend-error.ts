import { foreignText } from '#kernel';
import type { BackendError } from '../../backends/trouble';
import { isJsonObject, type JsonObject } from '../../json';

/** Cut once more before it is shown, when nothing that must not be seen can be cut in two any more. */
const MESSAGE_BYTES_MAX = 4_096;

/** Longer codes are not codes. */
const CODE_LENGTH_MAX = 64;

function codeOf(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value !== '' && value.length <= CODE_LENGTH_MAX ? value : undefined;
}

function describe(error: JsonObject): BackendError {
  const code = codeOf(error.code);
  const type = codeOf(error.type);
  const message = error.message ?? error.detail;
  return {
    ...(code === undefined ? {} : { code }),
    ...(type === undefined ? {} : { type }),
    ...(typeof message === 'string' ? { message: foreignText(message, MESSAGE_BYTES_MAX) } : {}),
  };
}

function saysNothing(member: unknown): boolean {
  return member === null || member === undefined || member === '' || member === false || member === 0;
}

/** Whether there is an answer beside the error. */
function isAnswer({ choices, content, message, delta }: JsonObject): boolean {
  return Array.isArray(choices) || Array.isArray(content) || isJsonObject(message) || isJsonObject(delta);
}

/**
 * The error that a parsed answer or frame carries, in the forms in use: `{error: {…}}`, `{error: "…"}`,
 * `{object: "error", message}`. Undefined when it carries none: an error that says nothing, beside an answer, is a
 * member that some servers write always.
 */
export function backendErrorOf(value: JsonObject): BackendError | undefined {
  const { error } = value;
  const isEmpty = isJsonObject(error) ? Object.values(error).every(saysNothing) : saysNothing(error);
  if (!isEmpty || !isAnswer(value)) {
    if (isJsonObject(error)) return describe(error);
    if (typeof error === 'string') return { message: foreignText(error, MESSAGE_BYTES_MAX) };
  }
  if (value.object === 'error') return describe(value);
  return undefined;
}

/** The error of a frame that is called one by its event, whatever its form. */
export function backendErrorOfFrame(data: string): BackendError {
  const error = backendErrorOfBody(data);
  return Object.keys(error).length === 0 && !/^\s*[[{]/.test(data)
    ? { message: foreignText(data.trim(), MESSAGE_BYTES_MAX) }
    : error;
}

/** The error in the body of an answer with an error status; empty when the body says nothing that can be read. */
export function backendErrorOfBody(body: string): BackendError {
  try {
    const value: unknown = JSON.parse(body);
    if (!isJsonObject(value)) return {};
    return backendErrorOf(value) ?? describe(value);
  } catch {
    return {}; // Not JSON: a proxy's page. Its status alone decides.
  }
}
