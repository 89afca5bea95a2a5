/** What the mock reads of a request; everything else is recorded and ignored. */
export interface ReadRequest {
  readonly model: string;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  /** Choices of one answer. */
  readonly choices: number;
  /** Tokens that each choice may have. */
  readonly cap: number;
  /** Texts to embed, or prompts to complete. */
  readonly inputs: number;
  readonly base64: boolean;
}

function whole(value: unknown, fallback: number): number {
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : fallback;
}

function countOf(input: unknown): number {
  if (!Array.isArray(input)) return 1;
  // A list of tokens is one text.
  return typeof input[0] === 'number' ? 1 : input.length;
}

export function readRequest(body: Readonly<Record<string, unknown>>): ReadRequest {
  const options = body.stream_options as { include_usage?: unknown } | null | undefined;
  return {
    model: typeof body.model === 'string' ? body.model : '',
    stream: body.stream === true,
    includeUsage: options?.include_usage === true,
    choices: whole(body.n, 1),
    cap: whole(body.max_completion_tokens, whole(body.max_tokens, Number.MAX_SAFE_INTEGER)),
    inputs: countOf(body.input ?? body.prompt),
    base64: body.encoding_format === 'base64',
  };
}
