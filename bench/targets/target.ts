/** Something that answers chat completions: the upstream itself, the bare proxy, the platform. */
export interface Target {
  readonly name: 'upstream' | 'bare proxy' | 'platform';
  readonly port: number;
  readonly pid: number | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** The model to ask for a kind of answer. */
  model(kind: CallKind): string;
}

export type CallKind = 'unstreamed' | 'streamed';

export const CALL_KINDS: readonly CallKind[] = ['unstreamed', 'streamed'];

/** A streamed answer has 50 chunks, each written in a turn of its own; an unstreamed one has the same text. */
export const UPSTREAM_MODELS: Readonly<Record<CallKind, string>> = {
  unstreamed: 'mock?chunks=50',
  streamed: 'mock?chunks=50&delayMs=0',
};

const PROMPT = 'Summarize the following paragraph in two sentences. '.repeat(12);

export function bodyFor(target: Target, kind: CallKind): string {
  return JSON.stringify({
    model: target.model(kind),
    messages: [
      { role: 'system', content: 'You are a helpful assistant.' },
      { role: 'user', content: PROMPT },
    ],
    max_tokens: 256,
    stream: kind === 'streamed',
  });
}
