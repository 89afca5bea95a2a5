import { isJsonObject, type JsonObject } from '../json';

/**
 * The client's `stream_options` as the backend gets them. Usage is always asked for, since the call is metered by it; a
 * backend that does not know the option never sees it.
 */
export function streamOptions(options: unknown, streamUsage: boolean): JsonObject | undefined {
  const rest: Record<string, unknown> = isJsonObject(options) ? { ...options } : {};
  if (streamUsage) rest.include_usage = true;
  else delete rest.include_usage;
  return Object.keys(rest).length === 0 ? undefined : rest;
}
