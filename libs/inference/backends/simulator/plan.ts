import { isJsonObject, type JsonObject } from '../../json';
import { echoBody, echoFrames } from './chat-answer';
import { completionBody, completionEchoOf, completionFrames } from './completion-answer';
import { echoOf } from './echo';
import { embeddingBody, textsOf } from './embedding-answer';
import type { Step } from './player';
import type { SimulatedModel, SimulatorSettings } from './settings';
import { countSimulatedTokens } from './tokens';

const encoder = new TextEncoder();

/** What the simulator will do with one call, once its latency has passed. */
export type Plan =
  | { readonly kind: 'answer'; readonly contentType: string; readonly steps: readonly Step[] }
  | { readonly kind: 'error'; readonly status: number; readonly body: string };

function errorPlan(status: number, code: string, message: string): Plan {
  return {
    kind: 'error',
    status,
    body: JSON.stringify({ error: { message, type: 'simulated_error', param: null, code } }),
  };
}

/** As a real backend would: none reads more than its context. */
function tooLong(promptTokens: number, contextTokens: number): Plan {
  const message = `The model reads ${contextTokens} tokens at most, and the prompt has ${promptTokens}. Shorten it.`;
  return errorPlan(400, 'context_length_exceeded', message);
}

function trouble(settings: SimulatorSettings, index: number): Step | undefined {
  if (settings.cutAtChunk === index) return { kind: 'cut' };
  if (settings.hangAtChunk === index) return { kind: 'hang' };
  return undefined;
}

/** Chunks in order up to the first trouble; pieces of output take their time. */
function stepsOf(chunks: readonly string[], settings: SimulatorSettings, chunkDelayMs: number): Step[] {
  const steps: Step[] = [];
  for (const [index, chunk] of chunks.entries()) {
    const step = trouble(settings, index);
    if (step !== undefined) return [...steps, step];
    steps.push({ kind: 'chunk', bytes: encoder.encode(chunk), delayMs: index === 0 ? 0 : chunkDelayMs });
  }
  return [...steps, trouble(settings, chunks.length) ?? { kind: 'end' }];
}

function spoilt(frames: readonly string[], settings: SimulatorSettings): readonly string[] {
  if (settings.garbage) return [...frames.slice(0, 2), 'data: {"id": "chatcmpl-\n\n'];
  if (settings.errorAtChunk === undefined) return frames;
  const error = { error: { message: 'simulated failure', type: 'server_error', param: null, code: 'simulated' } };
  return [...frames.slice(0, settings.errorAtChunk), `data: ${JSON.stringify(error)}\n\n`];
}

/** What a model is about to say, in the form of one route. */
interface Spoken {
  readonly promptTokens: number;
  readonly outputTokens: number;
  readonly body: () => string;
  readonly frames: (includeUsage: boolean) => readonly string[];
}

function chatSpoken({ name, settings }: SimulatedModel, body: JsonObject): Spoken {
  const echo = echoOf(name, body, settings);
  const { promptTokens, outputTokens } = echo;
  return {
    promptTokens,
    outputTokens,
    body: () => echoBody(echo),
    frames: (includeUsage) => echoFrames(echo, includeUsage),
  };
}

function completionSpoken({ name, settings }: SimulatedModel, body: JsonObject): Spoken {
  const echo = completionEchoOf(name, body, settings);
  const { promptTokens, outputTokens } = echo;
  return {
    promptTokens,
    outputTokens,
    body: () => completionBody(echo),
    frames: (includeUsage) => completionFrames(echo, includeUsage),
  };
}

function textPlan({ settings }: SimulatedModel, body: JsonObject, spoken: Spoken, contextTokens: number): Plan {
  if (spoken.promptTokens > contextTokens) return tooLong(spoken.promptTokens, contextTokens);
  const tokenMs = settings.tokensPerSecond === undefined ? 0 : 1_000 / settings.tokensPerSecond;
  if (body.stream !== true) {
    const text = settings.garbage ? '<html>no answer</html>' : spoken.body();
    const steps = stepsOf([text], settings, 0);
    const delayMs = Math.round(tokenMs * spoken.outputTokens);
    return {
      kind: 'answer',
      contentType: 'application/json',
      steps: steps.map((step) => (step.kind === 'chunk' ? { ...step, delayMs } : step)),
    };
  }
  const options = body.stream_options;
  const includeUsage = isJsonObject(options) && options.include_usage === true;
  const frames = spoilt(spoken.frames(includeUsage), settings);
  return {
    kind: 'answer',
    contentType: 'text/event-stream',
    steps: stepsOf(frames, settings, tokenMs * settings.chunkTokens),
  };
}

function embeddingPlan(model: SimulatedModel, body: JsonObject, contextTokens: number): Plan {
  const { settings } = model;
  for (const text of textsOf(body.input)) {
    const tokens = countSimulatedTokens(text);
    if (tokens > contextTokens) return tooLong(tokens, contextTokens);
  }
  const text = settings.garbage
    ? '<html>no answer</html>'
    : embeddingBody(model.name, body, settings.usage !== 'absent');
  return { kind: 'answer', contentType: 'application/json', steps: stepsOf([text], settings, 0) };
}

/** Works the whole answer out beforehand, so that the same request always gets the same bytes. */
export function planOf(
  model: SimulatedModel,
  operation: string,
  body: JsonObject,
  contextTokens = Number.POSITIVE_INFINITY,
): Plan {
  const { name, settings } = model;
  if (settings.errorStatus !== undefined)
    return errorPlan(settings.errorStatus, 'simulated', `The simulator was told to answer ${settings.errorStatus}.`);
  if (name.endsWith('embedding') && operation === 'embedding') return embeddingPlan(model, body, contextTokens);
  if (!name.endsWith('embedding') && operation === 'chat')
    return textPlan(model, body, chatSpoken(model, body), contextTokens);
  if (!name.endsWith('embedding') && operation === 'completion')
    return textPlan(model, body, completionSpoken(model, body), contextTokens);
  return errorPlan(404, 'model_not_found', `The simulator has no model '${name}' for this operation.`);
}
