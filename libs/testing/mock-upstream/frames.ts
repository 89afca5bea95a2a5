import { chunkCount, usageOf } from './answers';
import { chunkText, type MockPlan } from './plan';
import type { ReadRequest } from './requests';

export type StreamKind = 'chat' | 'completion';

/** The frames of a stream, each choice's chunks in turn. */
export interface Frames {
  /** One per content chunk. */
  readonly content: readonly string[];
  /** Finish, usage and `[DONE]`. */
  readonly closing: readonly string[];
}

function frame(plan: MockPlan, data: string): string {
  const newline = plan.crlf ? '\r\n' : '\n';
  return `data: ${data}${newline}${newline}`;
}

function contentChoice(kind: StreamKind, index: number, text: string, isFirst: boolean): object {
  if (kind === 'completion') return { index, text, logprobs: null, finish_reason: null };
  const delta = isFirst ? { role: 'assistant', content: text } : { content: text };
  return { index, delta, logprobs: null, finish_reason: null };
}

function lastChoice(kind: StreamKind, index: number, finish: string): object {
  return { index, ...(kind === 'completion' ? { text: '' } : { delta: {} }), logprobs: null, finish_reason: finish };
}

/** Built once per plan and request's shape, so that a benchmark measures the platform and not this. */
export function makeFrames(kind: StreamKind, plan: MockPlan, request: ReadRequest): Frames {
  const object = kind === 'chat' ? 'chat.completion.chunk' : 'text_completion';
  const base = { id: 'chatcmpl-mock', object, created: 1_790_000_000, model: request.model };
  const choices = Array.from({ length: request.choices }, (_, index) => index);
  const chunk = (parts: object[], rest: object = {}) =>
    frame(plan, JSON.stringify({ ...base, choices: parts, ...rest }));
  const text = chunkText(plan);
  const content = Array.from({ length: chunkCount(plan, request) }, (_, position) =>
    choices.map((index) => chunk([contentChoice(kind, index, text, position === 0)])).join(''),
  );
  const finish = plan.chunks > request.cap ? 'length' : 'stop';
  const usage = request.includeUsage ? usageOf(plan, request) : undefined;
  const rest = usage !== undefined && plan.usageOnFinish ? { usage } : {};
  const closing = choices.map((index) => chunk([lastChoice(kind, index, finish)], rest));
  if (usage !== undefined && !plan.usageOnFinish) closing.push(chunk([], { usage }));
  closing.push(frame(plan, '[DONE]'));
  return { content, closing };
}

/** A few plans are in use at a time. */
const FRAMES_CACHED_MAX = 256;

export class FrameCache {
  readonly #frames = new Map<string, Frames>();

  get(kind: StreamKind, plan: MockPlan, request: ReadRequest): Frames {
    const key = JSON.stringify([kind, plan, request]);
    const known = this.#frames.get(key);
    if (known !== undefined) return known;
    const made = makeFrames(kind, plan, request);
    if (this.#frames.size >= FRAMES_CACHED_MAX) this.#frames.clear();
    this.#frames.set(key, made);
    return made;
  }
}
