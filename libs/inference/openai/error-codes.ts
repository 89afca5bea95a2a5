/**
 * Every code that `/v1` may answer with: its status, its type, whether sending the same request again can help
 * (`x-should-retry`), and a message for when the caller has no better one. Statuses of incurable refusals are 400, 401,
 * 402, 403, 404 and 413 only, because some clients retry 415 and 422 and the SDKs retry 408, 409, 429 and from 500 on.
 */
export interface ErrorCodeEntry {
  readonly status: 400 | 401 | 402 | 403 | 404 | 408 | 409 | 413 | 429 | 500 | 502 | 503 | 504;
  readonly type: ErrorType;
  readonly retryable: boolean;
  readonly message: string;
}

export type ErrorType =
  | 'invalid_request_error'
  | 'authentication_error'
  | 'permission_error'
  | 'not_found_error'
  | 'budget_error'
  | 'rate_limit_error'
  | 'idempotency_error'
  | 'backend_error'
  | 'server_error';

function incurable<S extends ErrorCodeEntry['status']>(status: S, type: ErrorType, message: string) {
  return { status, type, retryable: false, message } as const;
}

function curable<S extends ErrorCodeEntry['status']>(status: S, type: ErrorType, message: string) {
  return { status, type, retryable: true, message } as const;
}

/** What is wrong with a request by itself, before anyone is asked. */
const REQUEST_REFUSALS = {
  invalid_json: incurable(400, 'invalid_request_error', 'The body is not valid JSON. Send one JSON object.'),
  missing_required_parameter: incurable(400, 'invalid_request_error', 'A required parameter is missing.'),
  invalid_type: incurable(400, 'invalid_request_error', 'A parameter has the wrong type.'),
  invalid_value: incurable(400, 'invalid_request_error', 'A parameter has a value that is not allowed.'),
  conflicting_parameters: incurable(400, 'invalid_request_error', 'Two parameters contradict each other. Send one.'),
  ambiguous_field: incurable(
    400,
    'invalid_request_error',
    'A field differs from a known one only in its spelling. Use the documented name.',
  ),
  unsupported_field: incurable(
    400,
    'invalid_request_error',
    'A field asks for something that has no price here. Remove it.',
  ),
  invalid_unicode: incurable(
    400,
    'invalid_request_error',
    'A string holds half of a surrogate pair. Send well-formed Unicode.',
  ),
  nesting_too_deep: incurable(400, 'invalid_request_error', 'The body is nested too deeply. Flatten it.'),
  too_many_values: incurable(
    400,
    'invalid_request_error',
    'The body holds too many values: up to 400,000 in lists, or 100,000 members of objects. Send fewer.',
  ),
} as const satisfies Record<string, ErrorCodeEntry>;

const OTHER_CLIENT_ERRORS = {
  unsupported_content_type: incurable(
    400,
    'invalid_request_error',
    'The body must be JSON. Send Content-Type: application/json.',
  ),
  conflicting_credentials: incurable(
    400,
    'invalid_request_error',
    'The request carries different credentials, in Authorization and X-API-Key or in several lines. Send one of them.',
  ),
  model_not_for_route: incurable(
    400,
    'invalid_request_error',
    'This model serves another endpoint. Choose a model of the right kind from GET /v1/models.',
  ),
  context_length_exceeded: incurable(
    400,
    'invalid_request_error',
    'The input does not fit into the context of the model. Shorten it.',
  ),
  request_timeout: curable(408, 'invalid_request_error', 'The body did not go on arriving. Send it again.'),
  backend_rejected_request: incurable(
    400,
    'invalid_request_error',
    'The model backend rejected the request as invalid. Check its parameters against the model.',
  ),
  request_too_large: incurable(413, 'invalid_request_error', 'The body is larger than allowed. Send less.'),
  missing_api_key: incurable(
    401,
    'authentication_error',
    'No API key was sent. Put it into the header: Authorization: Bearer <key>.',
  ),
  invalid_api_key: incurable(
    401,
    'authentication_error',
    'This API key is not valid. Check that it was copied in full, or create another.',
  ),
  key_revoked: incurable(401, 'authentication_error', 'This API key was revoked. Use another key.'),
  key_expired: incurable(401, 'authentication_error', 'This API key has expired. Use another key.'),
  insufficient_scope: incurable(
    403,
    'permission_error',
    'This API key lacks the scope for this endpoint. Use a key that has it.',
  ),
  model_not_allowed: incurable(
    403,
    'permission_error',
    'This API key may not call this model. Choose one from GET /v1/models.',
  ),
  ip_not_allowed: incurable(403, 'permission_error', 'This API key may not be used from this address.'),
  key_suspended: incurable(
    403,
    'permission_error',
    'This API key or its owner is suspended, or its project archived. Ask an administrator.',
  ),
  organization_suspended: incurable(
    403,
    'permission_error',
    'The organization is suspended or closed. Ask its administrator.',
  ),
  model_not_found: incurable(
    404,
    'not_found_error',
    'The model does not exist, or this key may not see it. Choose one from GET /v1/models.',
  ),
  model_not_priced: incurable(
    404,
    'not_found_error',
    'The model has no price yet and cannot be called. Choose another from GET /v1/models.',
  ),
  model_closed: incurable(
    503,
    'backend_error',
    'The model is closed until its operator has declared what its calls can cost. Choose another from GET /v1/models.',
  ),
  model_stopped: incurable(
    403,
    'permission_error',
    'Calls of this key or its organization cost more of this model than they held. Its operator must lift the stop: choose another from GET /v1/models.',
  ),
  call_not_found: incurable(404, 'not_found_error', 'There is no such call, or this key may not see it.'),
  unsupported_route: incurable(404, 'not_found_error', 'There is no such endpoint. Check the method and the path.'),
} as const satisfies Record<string, ErrorCodeEntry>;

const LIMITS = {
  budget_exhausted: incurable(
    402,
    'budget_error',
    'A budget leaves no room for this call. Lower the output cap, or ask for a larger budget.',
  ),
  call_cost_limit_exceeded: incurable(
    402,
    'budget_error',
    'One call of this key, or of its organization, may not cost so much. Lower the output cap, or ask for a higher limit.',
  ),
  unresolved_limit_exceeded: incurable(
    402,
    'budget_error',
    'Too much of what this key has used is unresolved. Ask an administrator to resolve it, or wait until it is.',
  ),
  budget_contended: curable(429, 'budget_error', 'Other calls in flight hold the rest of a budget.'),
  too_many_requests: curable(429, 'rate_limit_error', 'Too many requests were refused in a short time. Slow down.'),
  rate_limit_exceeded: curable(429, 'rate_limit_error', 'Too many requests or tokens in too short a time.'),
  concurrency_limit_exceeded: curable(429, 'rate_limit_error', 'Too many calls are running at once.'),
  too_many_bytes_in_flight: curable(429, 'rate_limit_error', 'The request bodies in flight are too large together.'),
  backend_rate_limited: curable(429, 'rate_limit_error', 'The model backend takes no more requests at the moment.'),
} as const satisfies Record<string, ErrorCodeEntry>;

const IDEMPOTENCY = {
  invalid_idempotency_key: incurable(
    400,
    'idempotency_error',
    'The Idempotency-Key is not valid. Send 1 to 255 printable characters.',
  ),
  idempotency_key_reused: incurable(
    400,
    'idempotency_error',
    'This Idempotency-Key was used with another body. Use a fresh key for each request.',
  ),
  idempotency_not_allowed: incurable(
    403,
    'idempotency_error',
    'The organization does not allow answers to be kept for Idempotency-Key. Send the request without it.',
  ),
  idempotency_in_progress: curable(409, 'idempotency_error', 'The first request with this Idempotency-Key still runs.'),
  idempotency_outcome_unknown: incurable(
    409,
    'idempotency_error',
    'The first request with this Idempotency-Key was charged, but its answer is lost. Look the call up by its id.',
  ),
  idempotency_unavailable: curable(
    503,
    'idempotency_error',
    'Earlier requests with an Idempotency-Key cannot be looked up at the moment.',
  ),
} as const satisfies Record<string, ErrorCodeEntry>;

/** What a backend did wrong, or the way to it. Whether a retry helps depends on what was charged: see classify.ts. */
const BACKENDS = {
  backend_unavailable: curable(503, 'backend_error', 'The model backend cannot be reached. Nothing was charged.'),
  backend_misconfigured: incurable(
    502,
    'backend_error',
    'The model backend refuses this platform. Its operator must correct the configuration.',
  ),
  backend_overloaded: curable(
    503,
    'backend_error',
    'The model backend is overloaded. Nothing was charged: try again later.',
  ),
  backend_failed: incurable(502, 'backend_error', 'The model backend failed.'),
  backend_invalid_answer: incurable(502, 'backend_error', 'The model backend sent an answer that makes no sense.'),
  backend_interrupted: incurable(502, 'backend_error', 'The model backend broke off in the middle of its answer.'),
  backend_timeout: incurable(504, 'backend_error', 'The model backend did not answer in time.'),
} as const satisfies Record<string, ErrorCodeEntry>;

const PLATFORM = {
  platform_stopped: incurable(
    503,
    'server_error',
    'The platform stopped in the middle of this call, which may be charged. Look it up by its id before repeating it.',
  ),
  record_unavailable: incurable(
    503,
    'server_error',
    'The call ran, but its record could not be made durable in time. Look the call up by its id before repeating it.',
  ),
  ledger_unavailable: curable(503, 'server_error', 'The ledger cannot decide at the moment. Nothing was charged.'),
  not_ready: curable(503, 'server_error', 'The platform is starting or stopping. Nothing was charged.'),
  internal_error: incurable(500, 'server_error', 'The platform made a mistake. Report the request id.'),
} as const satisfies Record<string, ErrorCodeEntry>;

export const ERROR_CODES = {
  ...REQUEST_REFUSALS,
  ...OTHER_CLIENT_ERRORS,
  ...LIMITS,
  ...IDEMPOTENCY,
  ...BACKENDS,
  ...PLATFORM,
} as const satisfies Record<string, ErrorCodeEntry>;

export type ErrorCode = keyof typeof ERROR_CODES;
export type RequestRefusalCode = keyof typeof REQUEST_REFUSALS;
