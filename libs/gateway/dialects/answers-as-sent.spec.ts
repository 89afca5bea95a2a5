import { readClientText } from '#inference';
import type { BackendKind } from '#inference/catalogue';
import type { Dialect, MeteredRequest } from '../calls/dialect';
import { anthropicMessages } from './anthropic-messages';
import { inference } from './inference';
import { openAiChat } from './openai-chat';
import { openAiCompletions } from './openai-completions';
import { openAiEmbeddings } from './openai-embeddings';
import { openAiResponses } from './openai-responses';
import { CHARGED, COST, contextOf } from './spec-kit';

/** What a backend says comes to its client to the letter, but for what the platform says in its place. */

const BIG = '2512292042121000001';
const OPAQUE = `{"z": {"max": 9223372036854775807}, "10": 1e400, "2": -0, "a": [1.0, 1E5, "\\u0061\\/"]}`;
const BOUNDS = {
  inputTokensMax: 100,
  inputTokensEstimate: 10,
  outputTokensCap: 64,
  outputCapSource: 'client',
  outputsMax: 1,
} as const;

function request<R extends MeteredRequest>(dialect: Dialect<R>, text: string): R {
  const parsed = dialect.parse(readClientText(text).value);
  if (!parsed.ok) throw new Error(parsed.refusal.message);
  return parsed.request;
}

function reading<R extends MeteredRequest>(dialect: Dialect<R>, kind: BackendKind, asked: string, said: string) {
  const read = dialect.readAnswer(request(dialect, asked), said, contextOf(kind), BOUNDS);
  if (read.kind !== 'complete') throw new Error(JSON.stringify(read));
  return read;
}

function answer<R extends MeteredRequest>(dialect: Dialect<R>, kind: BackendKind, asked: string, said: string): string {
  const read = reading(dialect, kind, asked, said);
  return read.render(read.usage.kind === 'reported' ? read.usage.usage : CHARGED, COST);
}

function stream<R extends MeteredRequest>(dialect: Dialect<R>, kind: BackendKind, asked: string, said: string) {
  const relay = dialect.relay(request(dialect, asked), contextOf(kind));
  const before = relay.push(Buffer.from(said));
  const outcome = relay.end(true);
  const usage = outcome.usage.kind === 'reported' ? outcome.usage.usage : CHARGED;
  return { text: before + relay.closing(usage, COST), outcome };
}

const CHAT = '{"model":"m","messages":[{"role":"user","content":"x"}]}';
const CHAT_STREAM =
  '{"model":"m","messages":[{"role":"user","content":"x"}],"stream":true,"stream_options":{"include_usage":true}}';
const MESSAGE = '{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"x"}]}';
const MESSAGE_STREAM = '{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"x"}],"stream":true}';

describe('unstreamed, from a backend of the same kind', () => {
  it('a chat', () => {
    const said = `{ "created": 1.0, "id":${BIG}, "usage":{"prompt_tokens":7, "completion_tokens":3,"extra":1E2}, "model":"up",\n"choices":[{"index":0,"message":{"role":"assistant","content":"\\u0061"},"x":${OPAQUE},"finish_reason":"stop"}] }`;
    expect(answer(openAiChat, 'openai', CHAT, said)).toBe(
      said.replace('"up"', '"m"').replace('"extra":1E2}', '"extra":1E2,"cost":"0.000125"}'),
    );
  });

  it('a completion', () => {
    const said = `{"id":"c","model":"up","choices":[{"text":"a","index":0,"logprobs":${OPAQUE},"finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":3}}`;
    expect(answer(openAiCompletions, 'openai', '{"model":"m","prompt":"x"}', said)).toBe(
      said.replace('"up"', '"m"').replace('"completion_tokens":3}', '"completion_tokens":3,"cost":"0.000125"}'),
    );
  });

  it('embeddings, whose numbers are written anew only where their form changes', () => {
    const said = `{"object":"list","data":[{"object":"embedding","embedding":[1.0,-0.0,1e-400,0.10],"index":0.0}],"model":"up","usage":{"prompt_tokens":7,"total_tokens":7}}`;
    expect(answer(openAiEmbeddings, 'openai', '{"model":"m","input":"x"}', said)).toBe(
      said.replace('"up"', '"m"').replace('"total_tokens":7}', '"total_tokens":7,"cost":"0.000125"}'),
    );
    const packed = answer(openAiEmbeddings, 'openai', '{"model":"m","input":"x","encoding_format":"base64"}', said);
    expect(JSON.parse(packed).data).toEqual([{ object: 'embedding', embedding: 'AACAPwAAAIAAAAAAzczMPQ==', index: 0 }]);
  });

  it('a message', () => {
    const said = `{"id":"m","usage":{"input_tokens":7,"output_tokens":3},"type":"message","model":"up","content":[{"type":"tool_use","id":"t","name":"q","input":${OPAQUE}}],"stop_reason":"tool_use"}`;
    expect(answer(anthropicMessages, 'anthropic', MESSAGE, said)).toBe(
      said.replace('"up"', '"m"').replace('"output_tokens":3}', '"output_tokens":3,"cost":"0.000125"}'),
    );
  });

  it('the message of a chat in the platform’s own form', () => {
    const message = `{"role":"assistant", "content":"a","annotations":[${OPAQUE}]}`;
    const said = `{"choices":[{"index":0,"message":${message},"finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":3}}`;
    expect(answer(inference, 'openai', CHAT, said)).toContain(message);
  });
});

describe('unstreamed, from a backend of another kind', () => {
  const toolUse = (input: string) =>
    `{"id":"m","type":"message","model":"up","content":[{"type":"tool_use","id":"t","name":"q","input":${input}}],"stop_reason":"tool_use","usage":{"input_tokens":7,"output_tokens":3}}`;
  const toolCall = (given: string) =>
    `{"choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"q","arguments":${given}}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":7,"completion_tokens":3}}`;

  it.each([OPAQUE, `{"id":${BIG}}`, '{ "city": "Paris" }'])('the input %s of a tool', (input) => {
    const chat = JSON.parse(answer(openAiChat, 'anthropic', CHAT, toolUse(input)));
    expect(chat.choices[0].message.tool_calls[0].function.arguments).toBe(input);
    const response = JSON.parse(answer(openAiResponses, 'anthropic', '{"model":"m","input":"x"}', toolUse(input)));
    expect(response.output[0].arguments).toBe(input);
    // Some servers send the object itself in place of its text.
    for (const given of [JSON.stringify(input), input])
      expect(answer(anthropicMessages, 'openai', MESSAGE, toolCall(given))).toContain(`"input":${input}`);
  });

  it('a response says back what was asked as it was asked', () => {
    const asked = `{"model":"m","input":"x","metadata":{"2":"b", "1":"a"},"tools":[{"type":"function","name":"q","parameters":${OPAQUE}}]}`;
    expect(answer(openAiResponses, 'openai', asked, toolCall('"{}"'))).toContain(OPAQUE);
    const lines = asked.replaceAll(', ', ',\n ').replace('"x"', '"x","stream":true');
    const said = `data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n`;
    const { text } = stream(openAiResponses, 'openai', lines, said);
    expect(text.split('\n').every((line) => line === '' || /^(?:event|data): /.test(line))).toBe(true);
    expect(text.match(/9223372036854775807/g)).toHaveLength(3);
  });
});

describe('streamed', () => {
  const chunk = (rest: string) => `{"id":"c","object":"chat.completion.chunk", "created":1.0,"model":"up",${rest}}`;

  it.each([
    ['before the choices', (rest: string, model: string) => `{"id":"c", "created":1.0,"model":"${model}",${rest}}`],
    ['behind them', (rest: string, model: string) => `{${rest},"id":"c","model":"${model}","fp":1.0}`],
    ['first', (rest: string, model: string) => `{"model":"${model}",${rest}}`],
    ['spelled otherwise', (rest: string, model: string) => `{ "id":"c", "mod\\u0065l" : "${model}" , ${rest} }`],
  ])('chunks with the name of the model %s', (_what, made) => {
    const deltas = ['{"content":"a"}', `{"x":${OPAQUE}}`, '{"content":"\\"model\\":\\"up\\"","model":"up"}', '{}'];
    const frames = (model: string) =>
      deltas
        .map((delta, at) => `{"index":0,"delta":${delta},"finish_reason":${at === 3 ? '"stop"' : 'null'}}`)
        .map((choice) => `data: ${made(`"choices":[${choice}]`, model)}\n\n`)
        .join('');
    const asked = CHAT_STREAM.replace(':true}}', ':false}}');
    const { text } = stream(openAiChat, 'openai', asked, `${frames('up')}data: [DONE]\n\n`);
    expect(text).toBe(`${frames('m')}data: [DONE]\n\n`);
  });

  it('a usage leaves its chunk alone, wherever it stood, and its numbers stay', () => {
    const said = [
      chunk('"usage":null,"choices":[{"index":0,"delta":{"content":"a","usage":null},"finish_reason":null}]'),
      chunk('"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null'),
      chunk('"choices":[],"usage":{"prompt_tokens":7, "completion_tokens":3,"x":1E2}'),
    ];
    const text = stream(
      openAiChat,
      'openai',
      CHAT_STREAM.replace(':true}}', ':false}}'),
      `${said.map((data) => `data: ${data}\n\n`).join('')}data: [DONE]\n\n`,
    ).text;
    expect(text).toBe(
      `data: ${said[0]?.replace('"up"', '"m"').replace('"usage":null,"choices"', '"choices"')}\n\n` +
        `data: ${said[1]?.replace('"up"', '"m"').replace(',"usage":null', '')}\n\ndata: [DONE]\n\n`,
    );
    const asked = stream(
      openAiChat,
      'openai',
      CHAT_STREAM,
      `${said.map((data) => `data: ${data}\n\n`).join('')}data: [DONE]\n\n`,
    ).text;
    expect(asked).toContain(
      `data: ${said[2]?.replace('"up"', '"m"').replace('1E2}', '1E2,"cost":"0.000125"}')}\n\ndata: [DONE]`,
    );
  });

  it('the events of a message', () => {
    const events = [
      `{"type":"message_start", "message":{"id":"m","model":"up","content":[],"usage":{"input_tokens":7,"output_tokens":1},"x":${OPAQUE}}}`,
      `{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"q","input":{}}}`,
      `{"type":"content_block_delta","index":0.0,"delta":{"type":"input_json_delta","partial_json":"{\\"id\\":${BIG}}"}}`,
      '{"type":"content_block_stop","index":0}',
      '{"type":"message_delta", "delta":{"stop_reason":"tool_use", "x":1.0},"usage":{"output_tokens":3},"y":-0}',
    ];
    const frames = (list: readonly string[]) =>
      list.map((data) => `event: ${JSON.parse(data).type}\ndata: ${data}\n\n`).join('');
    const stop = 'event: message_stop\ndata: {"type":"message_stop"}\n\n';
    const { text } = stream(anthropicMessages, 'anthropic', MESSAGE_STREAM, frames(events) + stop);
    const expected = events.map((data) =>
      data
        .replace('"up"', '"m"')
        .replace('"usage":{"output_tokens":3}', '"usage":{"output_tokens":3,"input_tokens":7,"cost":"0.000125"}'),
    );
    expect(text).toBe(frames(expected) + stop);
  });
});

describe('a usage that can be read in two ways is no report', () => {
  const twice = '"usage":{"prompt_tokens":7,"completion_tokens":3},"usage":{"prompt_tokens":7,"completion_tokens":1}';
  const within = '"usage":{"prompt_tokens":7,"completion_tokens":3,"completion_tokens":1}';
  const choices = '"choices":[{"index":0,"message":{"role":"assistant","content":"a"},"finish_reason":"stop"}]';

  it.each([twice, within])('of a chat: %s', (usage) => {
    expect(reading(openAiChat, 'openai', CHAT, `{${choices},${usage}}`).usage.kind).toBe('absurd');
    const text = answer(openAiChat, 'openai', CHAT, `{"model":"a","model":"up",${choices},${usage}}`);
    expect(text.match(/"usage"/g)).toHaveLength(1);
    expect(text.match(/"model":"m"/g)).toHaveLength(1);
    expect(text).not.toContain('"up"');
    const said = `data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}\n\ndata: {"choices":[],${usage}}\n\ndata: [DONE]\n\n`;
    expect(stream(openAiChat, 'openai', CHAT_STREAM, said).outcome.usage.kind).toBe('absurd');
  });

  it('of a message', () => {
    const usage = '"usage":{"input_tokens":7,"output_tokens":3,"output_tokens":1}';
    const said = `{"type":"message","content":[{"type":"text","text":"a"}],"stop_reason":"end_turn",${usage}}`;
    expect(reading(anthropicMessages, 'anthropic', MESSAGE, said).usage.kind).toBe('absurd');
  });
});
