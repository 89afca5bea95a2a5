/** One thing that is wrong with a request's body or query; the pointer is an RFC 6901 JSON Pointer into it. */
export interface InvalidField {
  readonly pointer: string;
  readonly message: string;
}

export interface ProblemOptions extends ErrorOptions {
  readonly errors?: readonly InvalidField[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer that is no success: what is thrown anywhere at the edge, and sent as RFC 9457 describes. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly errors: readonly InvalidField[] | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    { errors, headers = {}, ...options }: ProblemOptions = {},
  ) {
    super(message, options);
    this.errors = errors;
    this.headers = headers;
  }
}

export function invalidRequest(errors: readonly InvalidField[]): Problem {
  const [first] = errors;
  const message = errors.length === 1 && first !== undefined ? first.message : `${errors.length} fields are invalid.`;
  return new Problem(422, 'invalid_request', message, { errors });
}

export function invalidField(pointer: string, message: string): Problem {
  return invalidRequest([{ pointer, message }]);
}

export function stale(): Problem {
  return new Problem(
    412,
    'stale',
    'Somebody changed it since you looked: read it again, and send its ETag as If-Match.',
  );
}

/** Unknown, or somebody else's: never told which. The code is the one that deciders use for the same. */
export function notFound(what: string): Problem {
  const code = what === 'path' ? 'not_found' : `${what.replaceAll(' ', '_')}_not_found`;
  return new Problem(404, code, `There is no such ${what}, or it is not yours.`);
}
