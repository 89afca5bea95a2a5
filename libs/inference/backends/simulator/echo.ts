import { isJsonObject, type JsonObject } from '../../json';
import type { SimulatorSettings } from './settings';
import { countSimulatedTokens, simulatedPieces } from './tokens';

/** What the model `echo` is about to say. */
export interface Echo {
  readonly id: string;
  readonly model: string;
  readonly choices: number;
  /** The same for every choice. */
  readonly pieces: readonly string[];
  /** Of the longest prompt. */
  readonly promptTokens: number;
  readonly outputTokens: number;
  readonly finishReason: 'stop' | 'length';
  readonly usage: JsonObject | undefined;
}

function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content
    .filter(isJsonObject)
    .map((part) => (typeof part.text === 'string' ? part.text : ''))
    .join('');
}

function lastWords(messages: readonly JsonObject[]): string {
  return textOf(messages.findLast((message) => message.role === 'user')?.content);
}

export function capOf(body: JsonObject): number {
  const cap = body.max_completion_tokens ?? body.max_tokens;
  return typeof cap === 'number' ? cap : Number.POSITIVE_INFINITY;
}

/** What the simulator reports, as its settings want it. */
export function usageOf(settings: SimulatorSettings, promptTokens: number, outputTokens: number, outputsMax: number) {
  switch (settings.usage) {
    case 'absent':
      return undefined;
    case 'absurd':
      return { prompt_tokens: promptTokens, completion_tokens: -1, total_tokens: promptTokens - 1 };
    case 'reported':
      return {
        prompt_tokens: promptTokens,
        completion_tokens: outputTokens,
        total_tokens: promptTokens + outputTokens,
      };
    case 'beyond-cap': {
      const beyond = Math.min(outputsMax, 1_000_000) + 1_000;
      return { prompt_tokens: promptTokens, completion_tokens: beyond, total_tokens: promptTokens + beyond };
    }
  }
}

/** FNV-1a, for ids and vectors that are the same for the same text. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** Works out the whole answer: the user's last words, cut at the cap. The same request always gets the same. */
export function echoOf(model: string, body: JsonObject, settings: SimulatorSettings): Echo {
  const messages = Array.isArray(body.messages) ? body.messages.filter(isJsonObject) : [];
  const words = lastWords(messages);
  const cap = capOf(body);
  const choices = typeof body.n === 'number' ? body.n : 1;
  const available = countSimulatedTokens(words);
  const spoken = Math.min(available, cap);
  const promptTokens = messages.reduce((sum, message) => sum + countSimulatedTokens(textOf(message.content)), 0);
  return {
    id: `chatcmpl-${hashOf(words).toString(16).padStart(8, '0')}`,
    model,
    choices,
    pieces: simulatedPieces(words, spoken, body.stream === true ? settings.chunkTokens : Number.MAX_SAFE_INTEGER),
    promptTokens,
    outputTokens: spoken * choices,
    finishReason: spoken < available ? 'length' : 'stop',
    usage: usageOf(settings, promptTokens, spoken * choices, cap * choices),
  };
}
