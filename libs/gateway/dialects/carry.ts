import {
  allowedFields,
  type Carried,
  type Carrying,
  carry,
  JsonDocument,
  type JsonObject,
  type NeutralAnswer,
  type NeutralCall,
  type NeutralDecoder,
  type NeutralEncoder,
  type NeutralEvent,
  type UsageDetails,
  type UsageReading,
  writeAnew,
} from '#inference';
import { buildMessagesUpstream, decodeMessagesAnswer, MessagesDecoder, writeMessagesCall } from '#inference/anthropic';
import type { BackendKind } from '#inference/catalogue';
import { buildChatUpstream, ChatDecoder, decodeChatAnswer, writeChatCall } from '#inference/openai';
import type { NanoUsd, TokenUsage } from '#kernel';
import type { AnswerReading, CallTarget, CarryRefusal, RelayedStream } from '../calls/dialect';

/** How a chat backend of one kind is spoken to by dialects other than its own. */
interface Tongue {
  write(call: NeutralCall, carrying: Carrying): JsonObject;
  build(body: JsonObject, stream: boolean, target: CallTarget): JsonObject;
  decoder(): NeutralDecoder;
  decode(text: string): NeutralAnswer;
}

const CHAT: Tongue = {
  write: writeChatCall,
  build: (body, stream, target) => buildChatUpstream({ body, stream }, target),
  decoder: () => new ChatDecoder(),
  decode: decodeChatAnswer,
};

const MESSAGES: Tongue = {
  write: writeMessagesCall,
  build: buildMessagesUpstream,
  decoder: () => new MessagesDecoder(),
  decode: decodeMessagesAnswer,
};

const TONGUES: Readonly<Record<BackendKind, Tongue>> = { openai: CHAT, simulator: CHAT, anthropic: MESSAGES };

/** Reads a request of the dialect at hand into its neutral form. */
export type ReadCall = (carrying: Carrying) => NeutralCall;

/** What of a request its conversion needs beside its reading. */
export interface CarriedRequest {
  readonly body: JsonObject;
  readonly stream: boolean;
  readonly unknownFields: readonly string[];
}

function carried(
  read: ReadCall,
  kind: BackendKind,
  { body, unknownFields }: Pick<CarriedRequest, 'body' | 'unknownFields'>,
): Carried<JsonObject> {
  const source = JsonDocument.from(body);
  return carry((carrying) => TONGUES[kind].write(read(carrying), carrying), unknownFields, source);
}

/**
 * Why a request cannot be carried over to a kind of backend. Fields that no route knows are judged before, by backend.
 */
export function carryRefusal(
  read: ReadCall,
  kind: BackendKind,
  request: Pick<CarriedRequest, 'body' | 'unknownFields'>,
): CarryRefusal | undefined {
  const result = carried(read, kind, request);
  return result.ok ? undefined : result.refusal;
}

/** The fields that the backend's operator lets through, as the client wrote them. */
function letThrough({ body, unknownFields }: CarriedRequest, { backend }: CallTarget): JsonObject {
  const names = allowedFields(unknownFields, backend).filter((path) => Object.hasOwn(body, path));
  return Object.fromEntries(names.map((name) => [name, body[name]]));
}

/** The body for a backend of another kind. What cannot be carried over was refused before. */
export function carriedUpstream(read: ReadCall, request: CarriedRequest, target: CallTarget): JsonObject {
  const { kind } = target.backend;
  const result = carried(read, kind, request);
  if (!result.ok) throw new Error(`a request that was not refused does not carry over: ${result.refusal.message}`);
  return TONGUES[kind].build({ ...letThrough(request, target), ...result.value }, request.stream, target);
}

/** What a backend said of its tokens beyond those that have a price. */
function detailsOf(usage: UsageReading): UsageDetails {
  return usage.kind === 'reported' ? (usage.details ?? {}) : {};
}

export interface AnswerCarrying {
  /** Whether the client's dialect cannot say what the answer says. */
  readonly isUnfit?: (events: readonly NeutralEvent[]) => boolean;
  /** The request, where the answer repeats parts of it. */
  readonly request?: JsonObject;
}

/** An unstreamed answer of a backend of another kind. */
export function carriedAnswer(
  kind: BackendKind,
  text: string,
  encode: (events: readonly NeutralEvent[], charged: TokenUsage, cost: NanoUsd, details: UsageDetails) => JsonObject,
  { isUnfit = () => false, request }: AnswerCarrying = {},
): AnswerReading {
  const answer = TONGUES[kind].decode(text);
  if (answer.kind !== 'answer') return answer;
  const { events, usage, seen, finishReason } = answer;
  if (isUnfit(events)) return { kind: 'garbage', reason: 'tool-call-unreadable', metered: { usage, seen } };
  return {
    kind: 'complete',
    usage,
    seen,
    ...(finishReason === undefined ? {} : { finishReason }),
    render: (charged, cost) => writeAnew(encode(events, charged, cost, detailsOf(usage)), JsonDocument.from(request)),
  };
}

/** A stream of a backend of another kind: decoded, and written anew. */
export function carriedStream(kind: BackendKind, encoder: NeutralEncoder): RelayedStream {
  return encodedStream(TONGUES[kind].decoder(), encoder);
}

/** A stream of an answer that a backend of any kind has sent as a whole. */
export function wholeStream(kind: BackendKind, encoder: NeutralEncoder): RelayedStream {
  return encodedStream(new WholeAnswerDecoder(TONGUES[kind].decode), encoder);
}

/** Reads one chunk, the whole of an unstreamed answer, as if it were a stream. */
class WholeAnswerDecoder implements NeutralDecoder {
  #answer: NeutralAnswer | undefined;

  constructor(private readonly decode: (text: string) => NeutralAnswer) {}

  get finished(): boolean {
    return this.#answer?.kind === 'answer';
  }

  get ended(): boolean {
    return this.#answer !== undefined;
  }

  push(chunk: Uint8Array): readonly NeutralEvent[] {
    this.#answer = this.decode(Buffer.from(chunk).toString('utf8'));
    return this.#answer.kind === 'answer' ? this.#answer.events : [];
  }

  end(): ReturnType<NeutralDecoder['end']> {
    const nothing = { usage: { kind: 'absent' }, seen: { textBytes: 0, deltas: 0 } } as const;
    const answer = this.#answer ?? { kind: 'garbage' as const, reason: 'empty-answer' as const };
    if (answer.kind !== 'answer') return { events: [], outcome: { ...answer, ...nothing } };
    const { events: _events, ...rest } = answer;
    return { events: [], outcome: { ...rest, kind: 'complete' } };
  }
}

function encodedStream(decoder: NeutralDecoder, encoder: NeutralEncoder): RelayedStream {
  const write = (events: readonly NeutralEvent[]) => events.map((event) => encoder.accept(event)).join('');
  let ended: ReturnType<NeutralDecoder['end']> | undefined;
  // What only the end of the body brought to light leaves with the closing frames.
  let late = '';
  return {
    get finished() {
      return decoder.finished;
    },
    get ended() {
      return decoder.ended;
    },
    push: (chunk) => write(decoder.push(chunk)),
    end(wasClean) {
      if (ended === undefined) {
        ended = decoder.end(wasClean);
        late = write(ended.events);
      }
      return ended.outcome;
    },
    closing: (charged, cost) =>
      late + encoder.closing(charged, cost, ended === undefined ? {} : detailsOf(ended.outcome.usage)),
    ...(encoder.errorFrame === undefined ? {} : { errorFrame: encoder.errorFrame.bind(encoder) }),
  };
}
