import type { OrganizationId } from '#kernel';

/** Something that answers chat completions and embeddings: the upstream itself, the bare proxy, the platform. */
export interface Target {
  readonly name: 'upstream' | 'bare proxy' | 'platform';
  readonly port: number;
  readonly pid: number | undefined;
  /** Whose calls they are; of the platform only. */
  readonly orgId?: OrganizationId;
  readonly headers: Readonly<Record<string, string>>;
  /** The model to ask for a kind of answer. */
  readonly model: (kind: CallKind) => string;
}

export const CHAT_KINDS = ['unstreamed', 'streamed'] as const;
export type CallKind = (typeof CHAT_KINDS)[number] | 'embeddings';
export const CALL_KINDS: readonly CallKind[] = [...CHAT_KINDS, 'embeddings'];

/**
 * A streamed answer has 50 chunks, each written in a turn of its own; an unstreamed one has the same text. Embeddings
 * answer each text with three numbers.
 */
export const UPSTREAM_MODELS: Readonly<Record<CallKind, string>> = {
  unstreamed: 'mock?chunks=50',
  streamed: 'mock?chunks=50&delayMs=0',
  embeddings: 'mock?',
};

export const CALL_PATHS: Readonly<Record<CallKind, string>> = {
  unstreamed: '/v1/chat/completions',
  streamed: '/v1/chat/completions',
  embeddings: '/v1/embeddings',
};

const PROMPT = 'Summarize the following paragraph in two sentences. '.repeat(12);

/** What a search index sends at once. */
const TEXTS = 8;

export function bodyFor(modelOf: Target['model'], kind: CallKind): string {
  if (kind === 'embeddings')
    return JSON.stringify({ model: modelOf(kind), input: Array.from({ length: TEXTS }, () => PROMPT) });
  return JSON.stringify({
    model: modelOf(kind),
    messages: [
      { role: 'system', content: 'You are a helpful assistant.' },
      { role: 'user', content: PROMPT },
    ],
    max_tokens: 256,
    stream: kind === 'streamed',
  });
}
