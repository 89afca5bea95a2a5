/** What a backend says is wrong, from an error body or an error frame; foreign text, to be redacted and cut before it is shown. */
export interface BackendError {
  readonly code?: string;
  readonly type?: string;
  readonly message?: string;
}

export type GarbageReason =
  | 'invalid-json'
  | 'not-an-answer'
  /** No server-sent events in place of a stream: a proxy's page, say. */
  | 'not-a-stream'
  | 'empty-answer'
  | 'half-frame'
  | 'frame-too-large'
  | 'answer-too-large'
  /** A content coding that nobody here can take off, though none was asked for. */
  | 'unknown-encoding'
  /** It is not coded as it says. */
  | 'broken-encoding'
  /** It finished for a reason that is a failure. */
  | 'failed-finish'
  /** A call of a tool that cannot be told as it was said; what it asks for is never made up. */
  | 'tool-call-unreadable';
