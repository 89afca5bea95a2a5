import type { OutputCapField } from '../../catalogue/types';
import type { JsonObject } from '../../json';
import type { CallFacts } from '../../metering/facts';
import type { RequestRefusalCode } from '../errors';

/**
 * A client's chat request, checked as far as metering and routing need it. `body` is the parsed object itself and is
 * never changed; `buildChatUpstream` makes a new one from it.
 */
export interface ChatRequest {
  /** As the client wrote it; not yet known to exist. */
  readonly model: string;
  readonly stream: boolean;
  /** The client wants the usage chunk at the end of its stream. */
  readonly includeUsage: boolean;
  /** The field of the client's own cap; absent when it sent none. */
  readonly outputCapField?: OutputCapField;
  readonly facts: CallFacts;
  /** What the route does not know: only an operator can let it through, for one backend. */
  readonly unknownFields: readonly string[];
  readonly body: JsonObject;
}

/** A request that is refused before anything else is asked: always an incurable 4xx, answered with `errorAnswer`. */
export interface RequestRefusal {
  readonly code: RequestRefusalCode;
  /** The field at fault in the client's own terms, for example `messages[2].content`; null for the whole body. */
  readonly param: string | null;
  readonly message: string;
}

export type ParsedChatRequest =
  | { readonly ok: true; readonly request: ChatRequest }
  | { readonly ok: false; readonly refusal: RequestRefusal };
