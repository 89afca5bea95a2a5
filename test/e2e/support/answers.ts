/** An answer of the platform, read to its end. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly requestId: string;
}

export interface ErrorInBody {
  readonly message: string;
  readonly type: string;
  readonly code: string;
  readonly param: string | null;
  readonly request_id: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

export async function read(response: Response): Promise<Answer> {
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    text,
    requestId: response.headers.get('x-request-id') ?? '',
  };
}

// biome-ignore format: one line says it
export function jsonOf<T = Readonly<Record<string, unknown>>>({ text }: Pick<Answer, 'text'>): T {
  return JSON.parse(text) as T;
}

export function errorOf(answer: Pick<Answer, 'text'>): ErrorInBody {
  return jsonOf<{ error: ErrorInBody }>(answer).error;
}

/** Data of the frames of a stream; comments are left out. */
export function framesOf({ text }: Pick<Answer, 'text'>): readonly string[] {
  return text
    .split('\n\n')
    .filter((frame) => frame.startsWith('data: '))
    .map((frame) => frame.slice('data: '.length));
}

/** The error that ends a stream which had begun, and nothing after it. */
export function lastFrameError(answer: Pick<Answer, 'text'>): ErrorInBody {
  return errorOf({ text: framesOf(answer).at(-1) ?? '{}' });
}
