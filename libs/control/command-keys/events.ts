import { z } from 'zod';
import { countField, type EventSchema, type EventsOf, epochMsField, eventCodec, type StreamName } from '#kernel';

/** Streams of Idempotency-Keys; a name gives away neither the key nor who sent it. */
export const COMMAND_KEY_STREAM_PREFIX = 'commandKey-';

export function commandKeyStream(digest: string): StreamName {
  return `${COMMAND_KEY_STREAM_PREFIX}${digest}` as StreamName;
}

const schemas = {
  /** Recorded before anything that the command causes. */
  CommandKeyClaimed: {
    version: 1,
    data: z.object({
      /** HMAC of the request's body. */
      body: z.string(),
      /** The command's time at each repeat; ids and secrets that it makes are derived from it. */
      at: epochMsField,
    }),
  },
  /** The answer, sealed, in parts that fit into events. */
  CommandAnswered: {
    version: 1,
    data: z.object({
      part: countField,
      parts: countField,
      subject: z.string(),
      keyVersion: countField,
      ciphertext: z.string(),
    }),
  },
} satisfies Record<string, EventSchema<object>>;

export type CommandKeyEvent = EventsOf<typeof schemas>;
export const commandKeyCodec = eventCodec<CommandKeyEvent>(schemas);
