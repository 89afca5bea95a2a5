import { type ErrorAnswer, type ErrorCode, type ErrorOptions, errorAnswer, errorBody } from '../openai/errors';

/** The types that Anthropic's clients know, by status. */
function typeOf(status: number): string {
  switch (status) {
    case 401:
      return 'authentication_error';
    case 402:
      return 'billing_error';
    case 403:
      return 'permission_error';
    case 404:
      return 'not_found_error';
    case 413:
      return 'request_too_large';
    case 429:
      return 'rate_limit_error';
    case 503:
    case 529:
      return 'overloaded_error';
    case 504:
      return 'timeout_error';
    default:
      return status >= 500 ? 'api_error' : 'invalid_request_error';
  }
}

function bodyOf(code: ErrorCode, options: ErrorOptions, status: number): string {
  const { message, code: shown, param, request_id, details } = errorBody(code, options).error;
  return JSON.stringify({
    type: 'error',
    error: {
      type: typeOf(status),
      message,
      code: shown,
      param,
      ...(details === undefined ? {} : { details }),
    },
    request_id,
  });
}

/** The whole answer of a failure in Anthropic's shape, with the platform's own code beside the type. */
export function anthropicErrorAnswer(code: ErrorCode, options: ErrorOptions): ErrorAnswer {
  const { status, headers } = errorAnswer(code, options);
  return {
    status,
    headers: { ...headers, 'request-id': options.requestId },
    body: bodyOf(code, options, status),
  };
}

/** The one event of a failure after the stream has begun; no `message_stop` follows it. */
export function anthropicErrorFrame(code: ErrorCode, options: ErrorOptions): string {
  return `event: error\ndata: ${bodyOf(code, options, errorAnswer(code, options).status)}\n\n`;
}
