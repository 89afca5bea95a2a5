import type { CallFacts, JsonObject, SeenOutput, UsageReading } from '#inference';
import type { UpstreamOperation } from '#inference/backends';
import type { Backend, BackendKind, ModelKind } from '#inference/catalogue';
import type {
  BackendError,
  ErrorAnswer,
  ErrorCode,
  ErrorOptions,
  GarbageReason,
  RequestRefusal,
} from '#inference/openai';
import type { CallBounds, NanoUsd, TokenUsage } from '#kernel';
import type { Endpoint } from '#ledger';

/** What every dialect's parsed request has, so that it can be metered and routed. */
export interface MeteredRequest {
  /** As the client wrote it; not yet known to exist. */
  readonly model: string;
  readonly stream: boolean;
  readonly facts: CallFacts;
  /** The client's body as it was parsed; what is sent upstream keeps its text wherever it says the same. */
  readonly body: JsonObject;
  /** Fields that its route does not know; a backend's operator may let them through (`allowFields`). */
  readonly unknownFields: readonly string[];
}

/** What was decided about a call before it goes upstream. */
export interface CallTarget {
  readonly backend: Backend;
  readonly upstreamModel: string;
  /** The cap that the ledger granted, per output. */
  readonly outputTokensCap: number;
}

export interface AnswerContext {
  readonly requestId: string;
  readonly createdSeconds: number;
  readonly latencyMs: () => number;
  /** Whose wire format the answer is in: a dialect may stand in front of several. */
  readonly backendKind: BackendKind;
}

/** Why a request cannot be carried over to a kind of backend. */
export interface CarryRefusal {
  readonly code: ErrorCode;
  readonly param: string | null;
  readonly message: string;
}

interface Metered {
  readonly usage: UsageReading;
  readonly seen: SeenOutput;
}

/** An unstreamed answer as the dialect understands it. */
export type AnswerReading =
  | ({
      readonly kind: 'complete';
      readonly finishReason?: string;
      /** The client's answer, once it is known what was charged. */
      readonly render: (charged: TokenUsage, cost: NanoUsd) => string;
    } & Metered)
  /** `metered`: what was said and seen of its tokens all the same. */
  | { readonly kind: 'garbage'; readonly reason: GarbageReason; readonly metered?: Metered }
  | { readonly kind: 'backend-error'; readonly error: BackendError };

export type StreamOutcome =
  | ({ readonly kind: 'complete'; readonly finishReason?: string } & Metered)
  | ({ readonly kind: 'cut' } & Metered)
  | ({ readonly kind: 'garbage'; readonly reason: GarbageReason } & Metered)
  | ({ readonly kind: 'backend-error'; readonly error: BackendError } & Metered);

/** One stream from the backend's bytes to the client's text, learning on the way what the call cost and how it ended. */
export interface RelayedStream {
  /** All output has come; only usage and the end are still missing. */
  readonly finished: boolean;
  /** Nothing that may still come matters. */
  readonly ended: boolean;
  /** What the client gets for one chunk; often one frame, sometimes nothing. */
  push(chunk: Uint8Array): string;
  /** Judges the stream when no more bytes come. `wasClean`: the body ended by itself. */
  end(wasClean: boolean): StreamOutcome;
  /** What closes a good stream, once its settlement is durable. */
  closing(charged: TokenUsage, cost: NanoUsd): string;
  /** What ends a stream that failed, where it depends on the frames before; else the dialect's own. */
  errorFrame?(code: ErrorCode, options: ErrorOptions): string;
}

/** One way to call models: a wire format of requests, answers, streams and errors. */
export interface Dialect<R extends MeteredRequest> {
  readonly endpoint: Endpoint;
  readonly operation: UpstreamOperation;
  readonly modelKinds: readonly ModelKind[];
  parse(
    body: unknown,
  ): { readonly ok: true; readonly request: R } | { readonly ok: false; readonly refusal: RequestRefusal };
  /**
   * Whether the request means the same to this kind of backend; asked before anything is held. Undefined: it does.
   * Without this method the dialect speaks to every kind that has its operation.
   */
  refusalFor?(request: R, kind: BackendKind): CarryRefusal | undefined;
  buildUpstream(request: R, target: CallTarget): JsonObject;
  readAnswer(request: R, body: string, context: AnswerContext, bounds: CallBounds): AnswerReading;
  relay(request: R, context: AnswerContext): RelayedStream;
  /** The same for a backend that sent its whole answer at once instead of a stream: pushed as one chunk. */
  relayWhole?(request: R, context: AnswerContext): RelayedStream;
  errorAnswer(code: ErrorCode, options: ErrorOptions): ErrorAnswer;
  /** What ends a stream that failed before its backend had said anything. */
  errorFrame(code: ErrorCode, options: ErrorOptions, request: R, context: AnswerContext): string;
  /** Headers that this dialect's clients look for, on good answers; its `errorAnswer` has them already. */
  answerHeaders?(requestId: string): Readonly<Record<string, string>>;
  /** What keeps clients waiting for a slow backend; a comment by default. */
  readonly keepAliveFrame?: string;
}
