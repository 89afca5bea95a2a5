import type { JsonObject } from '../../json';
import { capOf, hashOf, usageOf } from './echo';
import { textsOf } from './embedding-answer';
import type { SimulatorSettings } from './settings';
import { countSimulatedTokens, simulatedPieces } from './tokens';

interface EchoedPrompt {
  readonly pieces: readonly string[];
  readonly outputTokens: number;
  readonly finishReason: 'stop' | 'length';
}

/** What the model `echo` says to prompts: each of them again, cut at the cap. */
export interface CompletionEcho {
  readonly id: string;
  readonly model: string;
  /** `n` for each prompt, in the order of their indexes. */
  readonly choices: readonly EchoedPrompt[];
  /** Of the longest prompt. */
  readonly promptTokens: number;
  readonly outputTokens: number;
  readonly usage: JsonObject | undefined;
}

function echoed(prompt: string, cap: number, pieceTokens: number): EchoedPrompt {
  const available = countSimulatedTokens(prompt);
  const outputTokens = Math.min(available, cap);
  return {
    pieces: simulatedPieces(prompt, outputTokens, pieceTokens),
    outputTokens,
    finishReason: outputTokens < available ? 'length' : 'stop',
  };
}

export function completionEchoOf(model: string, body: JsonObject, settings: SimulatorSettings): CompletionEcho {
  const prompts = textsOf(body.prompt);
  const n = typeof body.n === 'number' ? body.n : 1;
  const cap = capOf(body);
  const pieceTokens = body.stream === true ? settings.chunkTokens : Number.MAX_SAFE_INTEGER;
  const choices = prompts.flatMap((prompt) => Array.from({ length: n }, () => echoed(prompt, cap, pieceTokens)));
  const outputTokens = choices.reduce((sum, choice) => sum + choice.outputTokens, 0);
  const counts = prompts.map(countSimulatedTokens);
  const promptTokens = counts.reduce((sum, count) => sum + count, 0);
  return {
    id: `cmpl-${hashOf(prompts.join()).toString(16).padStart(8, '0')}`,
    model,
    choices,
    promptTokens: counts.reduce((most, count) => Math.max(most, count), 0),
    outputTokens,
    usage: usageOf(settings, promptTokens, outputTokens, cap * choices.length),
  };
}

function head({ id, model }: CompletionEcho): JsonObject {
  return { id, object: 'text_completion', created: 0, model };
}

/** The body of an unstreamed answer. */
export function completionBody(echo: CompletionEcho): string {
  return JSON.stringify({
    ...head(echo),
    choices: echo.choices.map(({ pieces, finishReason }, index) => ({
      index,
      text: pieces.join(''),
      logprobs: null,
      finish_reason: finishReason,
    })),
    ...(echo.usage === undefined ? {} : { usage: echo.usage }),
  });
}

/** The frames of a stream, as OpenAI sends them: text, finish, usage if asked for, `[DONE]`. */
export function completionFrames(echo: CompletionEcho, includeUsage: boolean): string[] {
  const frame = (rest: JsonObject) => `data: ${JSON.stringify({ ...head(echo), ...rest })}\n\n`;
  const chunk = (index: number, text: string, finish_reason: string | null) =>
    frame({ choices: [{ index, text, logprobs: null, finish_reason }] });
  return [
    ...echo.choices.flatMap(({ pieces }, index) => pieces.map((piece) => chunk(index, piece, null))),
    ...echo.choices.map(({ finishReason }, index) => chunk(index, '', finishReason)),
    ...(includeUsage && echo.usage !== undefined ? [frame({ choices: [], usage: echo.usage })] : []),
    'data: [DONE]\n\n',
  ];
}
