import { chunkText, type MockPlan } from './plan';
import type { ReadRequest } from './requests';

const CREATED = 1_790_000_000;

/** Chunks of one choice: as many as planned, unless the request's cap comes first. */
export function chunkCount(plan: MockPlan, request: ReadRequest): number {
  return Math.min(plan.chunks, request.cap);
}

function finishReason(plan: MockPlan, request: ReadRequest): string {
  return plan.chunks > request.cap ? 'length' : 'stop';
}

/** The usage of an answer as OpenAI reports it, or as no sane backend would; `undefined` when it reports none. */
export function usageOf(plan: MockPlan, request: ReadRequest): object | undefined {
  const completion =
    plan.completionTokens < 0 ? chunkCount(plan, request) * request.choices * request.inputs : plan.completionTokens;
  const usage = (prompt: number, output: number, cached: number) => ({
    prompt_tokens: prompt,
    completion_tokens: output,
    total_tokens: prompt + output,
    prompt_tokens_details: { cached_tokens: cached },
  });
  switch (plan.usage) {
    case 'none':
      return undefined;
    case 'negative':
      return usage(plan.promptTokens, -5, 0);
    case 'cached-above-prompt':
      return usage(plan.promptTokens, completion, plan.promptTokens + 1_000);
    case 'reported':
      return usage(plan.promptTokens, completion, plan.cachedTokens);
  }
}

function indices(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

function withUsage(answer: object, usage: object | undefined): string {
  return JSON.stringify(usage === undefined ? answer : { ...answer, usage });
}

export function chatAnswer(plan: MockPlan, request: ReadRequest): string {
  const content = chunkText(plan).repeat(chunkCount(plan, request));
  const choices = indices(request.choices).map((index) => ({
    index,
    message: { role: 'assistant', content, refusal: null },
    logprobs: null,
    finish_reason: finishReason(plan, request),
  }));
  const { model } = request;
  const answer = { id: 'chatcmpl-mock', object: 'chat.completion', created: CREATED, model, choices };
  return withUsage(answer, usageOf(plan, request));
}

export function completionAnswer(plan: MockPlan, request: ReadRequest): string {
  const text = chunkText(plan).repeat(chunkCount(plan, request));
  const choices = indices(request.choices * request.inputs).map((index) => ({
    index,
    text,
    logprobs: null,
    finish_reason: finishReason(plan, request),
  }));
  const { model } = request;
  const answer = { id: 'cmpl-mock', object: 'text_completion', created: CREATED, model, choices };
  return withUsage(answer, usageOf(plan, request));
}

/** Values that a float of 32 bits holds exactly, and that differ per input. */
export function embeddingValues(index: number): number[] {
  return [0.5 + index, -0.25, 0.125];
}

function base64Of(values: readonly number[]): string {
  return Buffer.from(Float32Array.from(values).buffer).toString('base64');
}

export function embeddingAnswer(plan: MockPlan, request: ReadRequest): string {
  const data = indices(request.inputs).map((index) => {
    const values = embeddingValues(index);
    return { object: 'embedding', index, embedding: request.base64 ? base64Of(values) : values };
  });
  const { promptTokens } = plan;
  const usage = plan.usage === 'none' ? undefined : { prompt_tokens: promptTokens, total_tokens: promptTokens };
  return withUsage({ object: 'list', data, model: request.model }, usage);
}

export function errorAnswer(plan: MockPlan): string {
  const { status, message, code } = plan;
  const type = status === 429 ? 'requests' : status >= 500 ? 'server_error' : 'invalid_request_error';
  return JSON.stringify({ error: { message, type, param: null, code: code === '' ? null : code } });
}
