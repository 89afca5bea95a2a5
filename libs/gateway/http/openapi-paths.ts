/** The inference plane's part of the OpenAPI document: these routes bypass the framework that generates the rest. */

interface Operation {
  readonly summary: string;
  readonly tags: string[];
  readonly parameters?: object[];
  readonly requestBody?: object;
  readonly responses: Record<string, object>;
}

const ERROR = {
  type: 'object',
  properties: {
    error: {
      type: 'object',
      required: ['message', 'type', 'code', 'param', 'request_id'],
      properties: {
        message: { type: 'string' },
        type: { type: 'string' },
        code: { type: 'string' },
        param: { type: 'string', nullable: true },
        request_id: { type: 'string' },
        details: { type: 'object' },
      },
    },
  },
};

const REFUSALS: Readonly<Record<string, string>> = {
  400: 'The request is malformed; the message names the field.',
  401: 'No valid API key.',
  402: 'A blocking budget has no room for the call.',
  403: 'The key, its scope or its models do not allow it.',
  404: 'Unknown model, call or route.',
  413: 'The body is larger than 32 MiB.',
  429: 'A limit that time cures; Retry-After says when.',
  502: 'The backend failed.',
  503: 'The backend or the record cannot be reached.',
  504: 'The backend did not answer in time.',
};

function responses(description: string, ...refusals: number[]): Record<string, object> {
  const answers: Record<string, object> = { 200: { description } };
  for (const status of refusals)
    answers[status] = {
      description: REFUSALS[status] ?? 'Refused.',
      content: { 'application/json': { schema: ERROR } },
    };
  return answers;
}

function call(summary: string, required: readonly string[]): { post: Operation } {
  return {
    post: {
      summary,
      tags: ['inference'],
      parameters: [
        {
          name: 'Idempotency-Key',
          in: 'header',
          required: false,
          schema: { type: 'string', maxLength: 255 },
          description: 'A repeat with the same key gets the first answer and is charged once. Kept for 24 hours.',
        },
      ],
      requestBody: {
        required: true,
        content: { 'application/json': { schema: { type: 'object', required, additionalProperties: true } } },
      },
      responses: responses(
        'The answer; with `stream: true`, server-sent events.',
        400,
        401,
        402,
        403,
        404,
        413,
        429,
        502,
        503,
        504,
      ),
    },
  };
}

/** A `POST` that runs nothing: it costs nothing, and needs no `Idempotency-Key`. */
function question(summary: string, required: readonly string[], answer: string): { post: Operation } {
  return {
    post: {
      summary,
      tags: ['inference'],
      requestBody: {
        required: true,
        content: { 'application/json': { schema: { type: 'object', required, additionalProperties: true } } },
      },
      responses: responses(answer, 400, 401, 403, 404, 413),
    },
  };
}

function read(summary: string, parameters: readonly object[], ...refusals: number[]): { get: Operation } {
  return {
    get: {
      summary,
      tags: ['inference'],
      parameters: [...parameters],
      responses: responses('As asked.', 401, ...refusals),
    },
  };
}

function inPath(name: string): object {
  return { name, in: 'path', required: true, schema: { type: 'string' } };
}

function inQuery(name: string, description: string): object {
  return { name, in: 'query', required: false, schema: { type: 'string' }, description };
}

export function inferencePaths() {
  return {
    '/v1/chat/completions': call("A chat completion, in OpenAI's format.", ['model', 'messages']),
    '/v1/completions': call("A text completion, in OpenAI's format.", ['model', 'prompt']),
    '/v1/embeddings': call("Embeddings, in OpenAI's format.", ['model', 'input']),
    '/v1/responses': call("A response, in OpenAI's format: the part without state.", ['model', 'input']),
    '/v1/messages': call("A message, in Anthropic's format.", ['model', 'messages', 'max_tokens']),
    '/v1/inference': call("The platform's own simple form: `prompt` or `messages`.", ['model']),
    '/v1/preflight': call('Would this call be admitted, and what would it hold? Records nothing.', [
      'endpoint',
      'body',
    ]),
    '/v1/messages/count_tokens': question(
      "The tokens of a prompt, in Anthropic's format: the platform's estimate. Records and charges nothing.",
      ['model', 'messages'],
      '`{input_tokens}`; the header X-Input-Tokens-Max has the most that a call could hold for its input.',
    ),
    '/v1/models': read('The models that this key may call.', []),
    '/v1/models/{id}': read('One model.', [inPath('id')], 404),
    '/v1/calls/{requestId}': read(
      'The recorded facts of one call.',
      [inPath('requestId'), inQuery('atLeast', 'Wait until the view has reached this position.')],
      404,
    ),
    '/v1/usage': read(
      'Totals of the calling key’s project.',
      [
        inQuery('from', 'Inclusive; a date or an RFC 3339 time. Default: 30 days ago.'),
        inQuery('to', 'Exclusive. Default: now.'),
        inQuery('start_date', 'Another name of from.'),
        inQuery('end_date', 'Another name of to.'),
        inQuery('timeZone', 'IANA name; dates are days of this zone, UTC unless told otherwise. Also: time_zone.'),
        inQuery('model', 'Only this model.'),
        inQuery('atLeast', 'Wait until the view has reached this position.'),
      ],
      400,
    ),
  };
}
