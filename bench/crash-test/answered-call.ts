/** How one call ended as its client saw it. */
export type CallEnd =
  /** The whole answer came: a 200 with its body, or a stream up to `[DONE]`. */
  | { readonly kind: 'acknowledged'; readonly callId: string; readonly isReplay: boolean }
  /** Status 0: nobody took the connection. */
  | { readonly kind: 'refused'; readonly status: number; readonly code: string }
  /** The process died under it. */
  | { readonly kind: 'broken' };

export interface ClientCall {
  /** Unique; part of the prompt, so that the upstream sees it, and the client's request id, so that the record has it. */
  readonly marker: string;
  readonly idempotencyKey?: string;
  /** What the mock upstream reports for it. */
  readonly outputTokens: number;
  readonly end: CallEnd;
}

/** The prompt tokens that the mock upstream reports for every call. */
export const PROMPT_TOKENS = 10;
