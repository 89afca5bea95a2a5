import type { IncomingHttpHeaders } from 'node:http';
import type { UpstreamCall, UpstreamHeaders } from '../port';
import type { Redact } from '../secret-redaction';
import type { HttpWire } from './wire';

const HEADER_LENGTH_MAX = 256;
const DECIMAL = /^\d{1,9}(?:\.\d+)?$/;

/** What goes upstream: this list and nothing of the client's own headers. */
export function requestHeaders(
  call: UpstreamCall,
  secret: string | undefined,
  { credentialHeaders, extraHeaders }: Pick<HttpWire, 'credentialHeaders' | 'extraHeaders'>,
): Record<string, string> {
  return {
    'content-type': 'application/json',
    accept: call.body.stream === true ? 'text/event-stream' : 'application/json',
    // A compressed stream would have to be taken apart before it could be metered.
    'accept-encoding': 'identity',
    'user-agent': 'aiaas',
    ...extraHeaders(call),
    ...(secret === undefined ? {} : credentialHeaders(secret)),
    ...(call.traceparent === undefined ? {} : { traceparent: call.traceparent }),
  };
}

function single(value: string | string[] | undefined): string | undefined {
  const text = Array.isArray(value) ? value[0] : value;
  return text === undefined || text.length > HEADER_LENGTH_MAX ? undefined : text;
}

function retryAfterMs(headers: IncomingHttpHeaders): number | undefined {
  const ms = single(headers['retry-after-ms']);
  if (ms !== undefined && DECIMAL.test(ms)) return Number(ms);
  const seconds = single(headers['retry-after']);
  // A date would have to be read against the backend's clock; the default wait serves as well.
  return seconds !== undefined && DECIMAL.test(seconds) ? Number(seconds) * 1000 : undefined;
}

/** The few headers of an answer that are read; cookies, rate limits and the backend's organization never pass. */
export function upstreamHeaders(headers: IncomingHttpHeaders, redact: Redact): UpstreamHeaders {
  // Anthropic calls it `request-id`.
  const requestId = single(headers['x-request-id'] ?? headers['request-id']);
  const contentType = single(headers['content-type']);
  const wait = retryAfterMs(headers);
  return {
    ...(requestId === undefined ? {} : { requestId: redact(requestId) }),
    ...(contentType === undefined ? {} : { contentType: redact(contentType) }),
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
  };
}
