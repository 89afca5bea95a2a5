import type { z } from 'zod';
import { CanonicalizationError, canonicalJson } from './canonical-json';
import type { Actor, DomainEvent, EventEnvelope, EventMetadata, PersonalBlock, StreamName } from './event';
import type { BootId, EventId, OrganizationId, RequestId, SystemTokenId } from './ids';
import { redactOwnSecrets } from './redact-secrets';
import { formatInstant, parseInstant } from './time';

/** The largest canonical event. Entry bundles of the transparency log are prefixed with 16-bit lengths. */
export const EVENT_BYTES_MAX = 60_000;

/** An event ready to be appended: its canonical bytes are made once, here, and kept. */
export interface EncodedEvent {
  readonly id: EventId;
  readonly type: string;
  /** RFC 8785 text of `{actor, at, causation?, correlation?, data, gateway?, id, org?, personal?, request?, token?, type, v}`. */
  readonly body: Uint8Array;
}

/** What a store gives back. */
export interface StoredEvent extends EncodedEvent {
  readonly stream: StreamName;
  readonly revision: bigint;
  readonly position: bigint;
}

/** How one event type is read: its newest version's schema, and the steps from each older version to the next. */
export interface EventSchema<D extends object> {
  readonly version: number;
  readonly data: z.ZodType<D>;
  /** `upcasts[1]` turns stored data of version 1 into version 2, and so on. */
  readonly upcasts?: Readonly<Record<number, (stored: unknown) => unknown>>;
}

export type EventSchemas<E extends DomainEvent> = {
  readonly [T in E['type']]: EventSchema<Extract<E, { type: T }>['data']>;
};

/** The event union that a record of schemas describes, so that a type and its stored shape cannot drift apart. */
export type EventsOf<S extends Readonly<Record<string, EventSchema<object>>>> = {
  [T in keyof S & string]: DomainEvent<T, z.infer<S[T]['data']>>;
}[keyof S & string];

export interface DecodedEvent<E extends DomainEvent> extends EventEnvelope<E> {
  readonly stream: StreamName;
  readonly revision: bigint;
  readonly position: bigint;
}

/** A stored event that its own codec cannot read: reported with its place, never skipped silently. */
export class UnreadableEventError extends Error {
  override readonly name = 'UnreadableEventError';
  constructor(stored: StoredEvent, options: ErrorOptions) {
    super(`event ${stored.type} at ${stored.stream}@${stored.revision} (${stored.id}) cannot be read`, options);
  }
}

/** An event that must not be written. Refuses the one command that made it, never the batch it was to travel in. */
export class UnencodableEventError extends Error {
  override readonly name = 'UnencodableEventError';
}

export interface EventCodec<E extends DomainEvent> {
  readonly types: readonly E['type'][];
  /** What is stored of each type, for whoever describes events instead of reading them. */
  readonly schemas: Readonly<Record<string, EventSchema<object>>>;
  /** @throws UnencodableEventError when the event cannot be canonicalized or exceeds EVENT_BYTES_MAX. */
  encode(envelope: EventEnvelope<E>): EncodedEvent;
  /** Validates and upcasts; `undefined` for a type of another union. @throws UnreadableEventError */
  decode(stored: StoredEvent): DecodedEvent<E> | undefined;
}

interface StoredBody {
  actor: Actor;
  at: string;
  causation?: string;
  correlation?: string;
  data: unknown;
  gateway?: BootId;
  org?: OrganizationId;
  personal?: PersonalBlock;
  request?: RequestId;
  token?: SystemTokenId;
  v: unknown;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

function encodeBody(envelope: EventEnvelope<DomainEvent>, version: number): Uint8Array {
  const { event, metadata } = envelope;
  try {
    const text = canonicalJson({
      actor: metadata.actor,
      at: formatInstant(metadata.at),
      causation: metadata.causationId,
      correlation: metadata.correlationId,
      data: event.data,
      gateway: metadata.gateway,
      id: envelope.id,
      org: metadata.orgId,
      personal: envelope.personal,
      request: metadata.requestId,
      token: metadata.tokenId,
      type: event.type,
      v: version,
    });
    // Whatever a person typed into a name or a reason: the record is for ever, and for more eyes than theirs.
    return encoder.encode(redactOwnSecrets(text));
  } catch (error) {
    if (error instanceof CanonicalizationError)
      throw new UnencodableEventError(`${event.type} cannot be recorded: ${error.message}`, { cause: error });
    throw error;
  }
}

function readMetadata(body: StoredBody): EventMetadata {
  const at = parseInstant(body.at);
  if (at === undefined) throw new TypeError(`"${body.at}" is no time`);
  return {
    actor: body.actor,
    at,
    ...(body.org === undefined ? {} : { orgId: body.org }),
    ...(body.request === undefined ? {} : { requestId: body.request }),
    ...(body.correlation === undefined ? {} : { correlationId: body.correlation }),
    ...(body.causation === undefined ? {} : { causationId: body.causation }),
    ...(body.gateway === undefined ? {} : { gateway: body.gateway }),
    ...(body.token === undefined ? {} : { tokenId: body.token }),
  };
}

function upcast(schema: EventSchema<object>, version: unknown, data: unknown): unknown {
  if (typeof version !== 'number' || !Number.isInteger(version) || version < 1)
    throw new TypeError(`${JSON.stringify(version)} is no version`);
  if (version > schema.version) throw new TypeError(`version ${version} is newer than this program knows`);
  let current = data;
  for (let from = version; from < schema.version; from += 1) {
    const step = schema.upcasts?.[from];
    if (step === undefined) throw new TypeError(`no upcast from version ${from}`);
    current = step(current);
  }
  return current;
}

/** One codec per event union: canonical bytes on write, validation and upcasting on read. */
export function eventCodec<E extends DomainEvent>(schemas: EventSchemas<E>): EventCodec<E> {
  const byType = new Map<string, EventSchema<object>>(Object.entries(schemas));
  return {
    types: [...byType.keys()] as E['type'][],
    schemas: Object.fromEntries(byType),
    encode(envelope) {
      const schema = byType.get(envelope.event.type);
      if (schema === undefined) throw new UnencodableEventError(`${envelope.event.type} is no type of this codec`);
      const body = encodeBody(envelope, schema.version);
      if (body.length > EVENT_BYTES_MAX)
        throw new UnencodableEventError(
          `${envelope.event.type} has ${body.length} bytes; at most ${EVENT_BYTES_MAX} fit`,
        );
      return { id: envelope.id, type: envelope.event.type, body };
    },
    decode(stored) {
      const schema = byType.get(stored.type);
      if (schema === undefined) return undefined;
      try {
        const body = JSON.parse(decoder.decode(stored.body)) as StoredBody;
        const event = { type: stored.type, data: schema.data.parse(upcast(schema, body.v, body.data)) } as unknown as E;
        return {
          id: stored.id,
          event,
          metadata: readMetadata(body),
          ...(body.personal === undefined ? {} : { personal: body.personal }),
          stream: stored.stream,
          revision: stored.revision,
          position: stored.position,
        };
      } catch (error) {
        throw new UnreadableEventError(stored, { cause: error });
      }
    },
  };
}
