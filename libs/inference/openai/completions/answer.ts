import type { JsonObject } from '../../json';
import type { SeenOutput } from '../../metering/facts';
import { plausible } from '../../metering/usage';
import type { ChatStreamOutcome } from '../chat/outcome';
import { contentBytes } from '../chat/seen';
import { type ChatAnswer, readChatAnswer } from '../chat/unstreamed-answer';
import type { CompletionRequest } from './parse-request';

/** UTF-8 bytes of a choice's text; undefined when it is no choice of a completion. */
function textOf(choice: JsonObject): number | undefined {
  return typeof choice.text === 'string' ? contentBytes(choice.text) : undefined;
}

/** The bytes of one chunk's choice: the last one of a stream may have no text at all. */
export function completionBytes(choice: JsonObject): number {
  return textOf(choice) ?? 0;
}

function withoutEcho(seen: SeenOutput, { echoedBytes }: Pick<CompletionRequest, 'echoedBytes'>): SeenOutput {
  return echoedBytes === 0 ? seen : { ...seen, textBytes: Math.max(0, seen.textBytes - echoedBytes) };
}

/** Reads a complete answer for metering; its form is a chat's but for `text` in place of `message`. */
export function readCompletionAnswer(text: string, request: Pick<CompletionRequest, 'echoedBytes'>): ChatAnswer {
  const answer = readChatAnswer(text, textOf);
  return answer.kind === 'answer' ? { ...answer, seen: withoutEcho(answer.seen, request) } : answer;
}

/** A stream's outcome without the prompts that it repeated. */
export function completionOutcome(
  outcome: ChatStreamOutcome,
  request: Pick<CompletionRequest, 'echoedBytes'>,
): ChatStreamOutcome {
  const seen = withoutEcho(outcome.seen, request);
  return { ...outcome, seen, usage: plausible(outcome.usage, seen) };
}
