import { type JsonDocument, type JsonObject, onOneLine, writeEdited } from '../json';

/**
 * One event; its name stands in the data as well.
 * @param source the event that it was made from: what is the same in both is written as it came.
 */
export function eventFrame(event: JsonObject & { readonly type: string }, source?: JsonDocument): string {
  const data = source === undefined ? JSON.stringify(event) : onOneLine(writeEdited(event, source));
  return `event: ${event.type}\ndata: ${data}\n\n`;
}

export const PING_FRAME = eventFrame({ type: 'ping' });
export const MESSAGE_STOP_FRAME = eventFrame({ type: 'message_stop' });
