import type { JsonObject } from '../../json';
import type { Echo } from './echo';

function frame(value: JsonObject): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

/** The body of an unstreamed answer. */
export function echoBody(echo: Echo): string {
  const content = echo.pieces.join('');
  const choice = (index: number) => ({
    index,
    message: { role: 'assistant', content, refusal: null },
    logprobs: null,
    finish_reason: echo.finishReason,
  });
  return JSON.stringify({
    id: echo.id,
    object: 'chat.completion',
    created: 0,
    model: echo.model,
    choices: Array.from({ length: echo.choices }, (_, index) => choice(index)),
    ...(echo.usage === undefined ? {} : { usage: echo.usage }),
  });
}

/** The frames of a stream, as OpenAI sends them: role, content, finish, usage if asked for, `[DONE]`. */
export function echoFrames(echo: Echo, includeUsage: boolean): string[] {
  const head = { id: echo.id, object: 'chat.completion.chunk', created: 0, model: echo.model };
  const rest = includeUsage ? { usage: null } : {};
  const chunk = (index: number, delta: JsonObject, finish_reason: string | null) =>
    frame({ ...head, choices: [{ index, delta, logprobs: null, finish_reason }], ...rest });
  const indexes = Array.from({ length: echo.choices }, (_, index) => index);
  return [
    ...indexes.map((index) => chunk(index, { role: 'assistant', content: '' }, null)),
    ...echo.pieces.flatMap((content) => indexes.map((index) => chunk(index, { content }, null))),
    ...indexes.map((index) => chunk(index, {}, echo.finishReason)),
    ...(includeUsage && echo.usage !== undefined ? [frame({ ...head, choices: [], usage: echo.usage })] : []),
    'data: [DONE]\n\n',
  ];
}
