import { answerFrames, answerJson, type Heard, type Json, TalkingBackend } from './talking-backend';

const USAGE = { prompt_tokens: 10, completion_tokens: 3, total_tokens: 13 };

function data(value: Json): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

function base({ body }: Heard, object: string): Json {
  return { id: 'chatcmpl-1', object, created: 1_790_000_000, model: body.model };
}

function chunk(heard: Heard, delta: Json, finish: string | null = null, rest: Json = {}): string {
  const choices = [{ index: 0, delta, finish_reason: finish }];
  return data({ ...base(heard, 'chat.completion.chunk'), choices, ...rest });
}

/** Asks for the first tool of a request until its result is there, in one piece or in several. */
function answer(heard: Heard): void {
  const { body } = heard;
  const [tool] = (body.tools ?? []) as readonly { readonly function: { readonly name: string } }[];
  const hasResult = (body.messages as readonly Json[]).some(({ role }) => role === 'tool');
  const asksTool = tool !== undefined && !hasResult;
  const finish = asksTool ? 'tool_calls' : 'stop';
  const call = { name: tool?.function.name, arguments: '{"city":"Paris"}' };
  if (body.stream !== true) {
    const said = asksTool
      ? { content: null, tool_calls: [{ id: 'call_1', type: 'function', function: call }] }
      : { content: 'word word word ' };
    const choices = [{ index: 0, message: { role: 'assistant', ...said }, finish_reason: finish }];
    answerJson(heard, { ...base(heard, 'chat.completion'), choices, usage: USAGE });
    return;
  }
  const begun = { index: 0, id: 'call_1', type: 'function', function: { ...call, arguments: '' } };
  const said = asksTool
    ? [
        { role: 'assistant', content: null, tool_calls: [begun] },
        { tool_calls: [{ index: 0, function: { arguments: '{"city":' } }] },
        { tool_calls: [{ index: 0, function: { arguments: '"Paris"}' } }] },
      ]
    : [{ role: 'assistant', content: 'word ' }, { content: 'word ' }, { content: 'word ' }];
  answerFrames(heard, [
    ...said.map((delta) => chunk(heard, delta)),
    chunk(heard, {}, finish),
    data({ ...base(heard, 'chat.completion.chunk'), choices: [], usage: USAGE }),
    'data: [DONE]\n\n',
  ]);
}

/** A backend that speaks as OpenAI does and calls tools: ten tokens in, three out. */
export function startGpt(): Promise<TalkingBackend> {
  return TalkingBackend.start(answer);
}
