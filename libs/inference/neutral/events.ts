export type NeutralFinish = 'stop' | 'length' | 'tool-calls' | 'content-filter';

/**
 * An answer as every dialect means it, piece by piece; an unstreamed one is the same list all at once. Pieces of a tool
 * call follow its beginning directly, so that a dialect with one open block at a time can be written from them.
 */
export type NeutralEvent =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'refusal'; readonly text: string }
  /** Reasoning that the backend shows; `signature` is the backend's own proof of it, whole and once. */
  | { readonly type: 'reasoning'; readonly text: string; readonly signature?: string }
  | { readonly type: 'tool-call'; readonly id: string; readonly name: string }
  /** A piece of the JSON text of the last tool call's arguments. */
  | { readonly type: 'tool-arguments'; readonly text: string }
  | { readonly type: 'finish'; readonly reason: NeutralFinish; readonly stopSequence?: string };

/** Joins neighbouring pieces of one kind, for dialects that answer in whole parts. */
export function joinEvents(events: readonly NeutralEvent[]): NeutralEvent[] {
  const joined: NeutralEvent[] = [];
  for (const event of events) {
    const last = joined.at(-1);
    const isPiece =
      last !== undefined && last.type === event.type && 'text' in last && 'text' in event && !('signature' in last);
    if (isPiece) joined[joined.length - 1] = { ...last, ...event, text: last.text + event.text };
    else joined.push(event);
  }
  return joined;
}
