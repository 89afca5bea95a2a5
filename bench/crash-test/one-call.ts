import type { Dispatcher } from 'undici';
import type { CallEnd, ClientCall } from './answered-call';
import type { CrashKey, CrashModel } from './world';

/** What a call asks for; the same for every repeat of an Idempotency-Key. */
export interface CallPlan {
  readonly marker: string;
  readonly key: CrashKey;
  readonly model: CrashModel;
  readonly outputTokensCap: number;
  readonly stream: boolean;
  readonly idempotencyKey?: string;
}

/** Sends a request to wherever calls of this moment go. */
export type Send = (request: Omit<Dispatcher.RequestOptions, 'origin'>) => Promise<Dispatcher.ResponseData>;

function bodyOf({ marker, model, outputTokensCap, stream }: CallPlan): string {
  return JSON.stringify({
    model: model.id,
    messages: [{ role: 'user', content: `Say something about ${marker}.` }],
    max_tokens: outputTokensCap,
    ...(stream ? { stream, stream_options: { include_usage: true } } : {}),
  });
}

function codeOf(text: string): string {
  try {
    return (JSON.parse(text) as { error: { code: string } }).error.code;
  } catch {
    return 'not JSON';
  }
}

function endOf(plan: CallPlan, status: number, headers: Readonly<Record<string, unknown>>, text: string): CallEnd {
  if (status !== 200) return { kind: 'refused', status, code: codeOf(text) };
  if (plan.stream && !text.endsWith('data: [DONE]\n\n'))
    // A stream may end in an error frame; only a cut one was broken by the kill.
    return text.includes('"error"') ? { kind: 'refused', status, code: 'error frame' } : { kind: 'broken' };
  const callId = headers['x-request-id'];
  return {
    kind: 'acknowledged',
    callId: typeof callId === 'string' ? callId : '',
    isReplay: headers['idempotent-replayed'] === 'true',
  };
}

/** Makes one call; a connection that dies under it is an end like any other. */
export async function makeCall(send: Send, plan: CallPlan, signal: AbortSignal): Promise<ClientCall> {
  const { marker, key, idempotencyKey } = plan;
  const call = {
    marker,
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    outputTokens: Math.min(plan.model.outputTokens, plan.outputTokensCap),
  };
  try {
    const { statusCode, headers, body } = await send({
      method: 'POST',
      path: '/v1/chat/completions',
      signal,
      headers: {
        authorization: `Bearer ${key.secret}`,
        'content-type': 'application/json',
        'x-client-request-id': marker,
        ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
      },
      body: bodyOf(plan),
    });
    return { ...call, end: endOf(plan, statusCode, headers, await body.text()) };
  } catch (error) {
    return { ...call, end: endOfFailure(error) };
  }
}

/** A connection that nobody took is no call that broke: nothing was sent. */
function endOfFailure(error: unknown): CallEnd {
  const isUntaken = error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED';
  return isUntaken ? { kind: 'refused', status: 0, code: 'no connection' } : { kind: 'broken' };
}
