import {
  answerFrames,
  answerJson,
  answerPage,
  breakOff,
  type Heard,
  type Json,
  TalkingBackend,
} from './talking-backend';

/** How an answer in Anthropic's form comes out; named by the query of the upstream model, `claude?usage=none`. */
type Setting = 'status' | 'usage' | 'ending';

const USAGE: Json = { input_tokens: 10, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 3 };

function settingsOf({ body }: Heard): (name: Setting) => string {
  const [, query = ''] = String(body.model).split('?');
  const settings = new URLSearchParams(query);
  return (name) => settings.get(name) ?? '';
}

function usageOf(kind: string): Json | undefined {
  if (kind === 'none') return undefined;
  return kind === 'negative' ? { ...USAGE, output_tokens: -5 } : USAGE;
}

/** A request with tools is answered by a call of the first one; any other by three words. */
function contentOf({ body }: Heard): Json {
  const [tool] = (body.tools ?? []) as readonly Json[];
  const hasResult = JSON.stringify(body.messages).includes('tool_result');
  return tool === undefined || hasResult
    ? { type: 'text', text: 'word word word ' }
    : { type: 'tool_use', id: 'toolu_1', name: tool.name, input: { city: 'Paris' } };
}

function message(heard: Heard, content: readonly Json[], stopReason: string | null, usage: Json | undefined): Json {
  const { model } = heard.body;
  const base = { id: 'msg_1', type: 'message', role: 'assistant', model, content };
  return { ...base, stop_reason: stopReason, stop_sequence: null, ...(usage === undefined ? {} : { usage }) };
}

function event(type: string, rest: Json): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...rest })}\n\n`;
}

function deltasOf(content: Json): readonly Json[] {
  if (content.type === 'text') return ['word ', 'word ', 'word '].map((text) => ({ type: 'text_delta', text }));
  const json = JSON.stringify(content.input);
  return [json.slice(0, 5), json.slice(5)].map((part) => ({ type: 'input_json_delta', partial_json: part }));
}

function stream(heard: Heard, content: Json, stopReason: string, usage: Json | undefined): readonly string[] {
  const begun = content.type === 'text' ? { type: 'text', text: '' } : { ...content, input: {} };
  const inputOnly = usage === undefined ? undefined : { ...usage, output_tokens: 1 };
  const counted = usage === undefined ? {} : { usage: { output_tokens: usage.output_tokens } };
  return [
    event('message_start', { message: message(heard, [], null, inputOnly) }),
    event('content_block_start', { index: 0, content_block: begun }),
    ...deltasOf(content).map((delta) => event('content_block_delta', { index: 0, delta })),
    event('content_block_stop', { index: 0 }),
    event('message_delta', { delta: { stop_reason: stopReason, stop_sequence: null }, ...counted }),
    event('message_stop', {}),
  ];
}

function answer(heard: Heard): void {
  const setting = settingsOf(heard);
  const status = Number(setting('status') || 200);
  heard.response.setHeader('request-id', 'req_upstream');
  if (status !== 200) {
    const error = { type: status === 429 ? 'rate_limit_error' : 'api_error', message: 'Told to answer so.' };
    answerJson(heard, { type: 'error', error }, status);
    return;
  }
  if (setting('ending') === 'never') return;
  if (setting('ending') === 'page') {
    answerPage(heard);
    return;
  }
  const content = contentOf(heard);
  const stopReason = content.type === 'text' ? 'end_turn' : 'tool_use';
  const usage = usageOf(setting('usage'));
  if (heard.body.stream !== true) {
    if (setting('ending') === 'garbage') heard.response.end('<html>');
    else if (setting('ending') === 'cut') {
      heard.response.writeHead(200, { 'content-length': 1_000 });
      breakOff(heard);
    } else answerJson(heard, message(heard, [content], stopReason, usage));
    return;
  }
  const frames = stream(heard, content, stopReason, usage);
  if (setting('ending') === 'cut') {
    heard.response.writeHead(200, { 'content-type': 'text/event-stream' }).write(frames.slice(0, 3).join(''));
    breakOff(heard);
  } else if (setting('ending') === 'garbage') answerFrames(heard, ['event: message_start\ndata: {"type"\n\n']);
  else answerFrames(heard, frames);
}

/** A backend that speaks as Anthropic does: ten tokens in, three out. */
export function startClaude(): Promise<TalkingBackend> {
  return TalkingBackend.start(answer);
}
