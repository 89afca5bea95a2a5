import type { FastifyReply, FastifyRequest } from 'fastify';
import type { QueryParameters, RequestRates } from '#http-edge';
import type { BodyMemory, BodyShare } from '#http-server';
import { type ClientBody, NO_BODY } from '#inference';
import { anthropicErrorAnswer, readAnthropicHeaders } from '#inference/anthropic';
import { type ErrorCode, type ErrorOptions, errorAnswer } from '#inference/openai';
import type { Clock, RequestId } from '#kernel';
import type { CallRunner } from '../calls/call-runner';
import type { Caller } from '../calls/caller';
import type { CallDependencies, ModelDirectory } from '../calls/ports';
import type { RoutingWish } from '../routing/router';
import type { ActiveCalls } from './active-calls';
import type { CallReads } from './call-reads';
import type { AuthenticatedKey, KeyAuthenticator } from './ports';

export interface V1Options {
  readonly runner: CallRunner;
  readonly calls: CallDependencies;
  readonly authenticator: KeyAuthenticator;
  readonly models: ModelDirectory;
  readonly reads: CallReads;
  readonly clock: Clock;
  readonly newRequestId: () => RequestId;
  /** The client's address, where a trusted proxy's word is believed. */
  readonly addressOf: (request: FastifyRequest) => string;
  readonly active: ActiveCalls;
  /** Limits what nobody pays for. */
  readonly rates: RequestRates;
  /** What bodies may take, on all planes together. Default: a part of the heap, for this plane alone. */
  readonly bodyMemory?: BodyMemory;
  /** False before the platform is ready and while it drains: no call is admitted. */
  readonly isAdmitting: () => boolean;
}

/** What a `/v1` request carries from its first hook to its handler. */
export interface V1Context {
  readonly requestId: RequestId;
  readonly clientRequestId?: string;
  readonly arrivedMs: number;
  key?: AuthenticatedKey;
  /** Told why a request of a known key is refused; present once the key is. */
  refused?: (why: ErrorCode | 'foreign_id') => void;
  /** The memory that its body takes. */
  body?: BodyShare;
}

declare module 'fastify' {
  interface FastifyRequest {
    v1: V1Context;
  }
  interface FastifyContextConfig {
    /** Of routes whose clients read errors in another shape than OpenAI's. */
    errorAnswer?: typeof errorAnswer;
    /** Of reads: the parameters that they take. Calls take any, for clients add their own, and none changes an answer. */
    query?: QueryParameters;
    /** Of routes whose requests are calls, which the ledger admits. */
    runsModels?: boolean;
    /** Which a key must have, known before the body is read. */
    scope?: string;
    /** Of what answers for paths at which nothing is. */
    isNoRoute?: boolean;
  }
}

/** Whether a client speaks Anthropic's API: every request of one names the version. */
export function asksAsAnthropic({ headers }: FastifyRequest): boolean {
  return headers['anthropic-version'] !== undefined;
}

/** Of routes that clients of both kinds ask, and of those that are none. */
function shapeAsked(request: FastifyRequest): typeof errorAnswer {
  return asksAsAnthropic(request) ? anthropicErrorAnswer : errorAnswer;
}

/** Answers an error in the shape that every failure of its route has; where it has none, in the one that is asked. */
export function sendError(
  request: FastifyRequest,
  reply: FastifyReply,
  code: ErrorCode,
  options: Omit<ErrorOptions, 'requestId'> = {},
): FastifyReply {
  const { requestId, clientRequestId } = request.v1;
  const render = request.routeOptions.config.errorAnswer ?? shapeAsked(request);
  const { status, headers, body } = render(code, { ...options, requestId });
  request.v1.refused?.(code);
  if (clientRequestId !== undefined) reply.header('x-client-request-id', clientRequestId);
  return reply.code(status).headers(headers).send(body);
}

/** What the plane's parser made of the body; a request without one has none. */
export function bodyOf(request: FastifyRequest): ClientBody {
  return (request.body as ClientBody | null | undefined) ?? NO_BODY;
}

/** `X-Routing-Key` keeps calls together, `X-Routing-Backend` names the only backend that is wanted. */
function routingWish({ headers }: FastifyRequest): RoutingWish {
  const stickyKey = headers['x-routing-key'];
  const onlyBackend = headers['x-routing-backend'];
  return {
    ...(typeof stickyKey === 'string' && stickyKey !== '' ? { stickyKey } : {}),
    ...(typeof onlyBackend === 'string' && onlyBackend !== '' ? { onlyBackend } : {}),
  };
}

export function callerOf(request: FastifyRequest, key: AuthenticatedKey): Caller {
  const { requestId, clientRequestId, arrivedMs } = request.v1;
  const { traceparent } = request.headers;
  const idempotencyKey = request.headers['idempotency-key'];
  const anthropic = readAnthropicHeaders(request.headers);
  return {
    orgId: key.orgId,
    projectId: key.projectId,
    keyId: key.keyId,
    ...(key.owner === undefined ? {} : { keyOwner: key.owner }),
    ...(key.models === undefined ? {} : { models: key.models }),
    requestId,
    ...(clientRequestId === undefined ? {} : { clientRequestId }),
    ...(typeof traceparent === 'string' ? { traceparent } : {}),
    ...(anthropic === undefined ? {} : { anthropic }),
    ...(typeof idempotencyKey === 'string' ? { idempotencyKey } : {}),
    allowsStoredAnswers: key.allowsStoredAnswers,
    ...(key.responseCache === undefined ? {} : { responseCache: key.responseCache }),
    bypassesCache: /no-(?:cache|store)/i.test(request.headers['cache-control'] ?? ''),
    routing: routingWish(request),
    arrivedMs,
  };
}
