import type { JsonObject } from '../json';

/** One event; its name stands in the data as well. */
export function eventFrame(event: JsonObject & { readonly type: string }): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

export const PING_FRAME = eventFrame({ type: 'ping' });
export const MESSAGE_STOP_FRAME = eventFrame({ type: 'message_stop' });
