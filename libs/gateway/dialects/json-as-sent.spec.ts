import { JsonDocument, readClientText, writeEdited } from '#inference';
import type { BackendKind } from '#inference/catalogue';
import type { Dialect, MeteredRequest } from '../calls/dialect';
import { anthropicMessages } from './anthropic-messages';
import { inference } from './inference';
import { openAiChat } from './openai-chat';
import { openAiCompletions } from './openai-completions';
import { openAiEmbeddings } from './openai-embeddings';
import { openAiResponses } from './openai-responses';
import { targetOf } from './spec-kit';

/** What JSON.parse and JSON.stringify would not bring back. */
const BIG = '2512292042121000001';
const OPAQUE = `{"zebra": {"maximum": 9223372036854775807}, "10": 1e400, "2": -0, "apple": [1.0, 1E5, "\\u0061\\/"]}`;

function refusalOf<R extends MeteredRequest>(dialect: Dialect<R>, kind: BackendKind, text: string) {
  const parsed = dialect.parse(readClientText(text).value);
  return parsed.ok ? dialect.refusalFor?.(parsed.request, kind) : parsed.refusal;
}

/** The text that a backend gets for what a client sent. */
function sent<R extends MeteredRequest>(dialect: Dialect<R>, kind: BackendKind, text: string): string {
  const parsed = dialect.parse(readClientText(text).value);
  if (!parsed.ok) throw new Error(parsed.refusal.message);
  const refusal = dialect.refusalFor?.(parsed.request, kind);
  if (refusal !== undefined) throw new Error(refusal.message);
  const body = dialect.buildUpstream(parsed.request, targetOf(kind));
  return writeEdited(body, JsonDocument.from(parsed.request.body));
}

describe('to a backend of the same kind everything but what the platform decides is passed on as it was sent', () => {
  it('/chat/completions', () => {
    const text = `{ "model" : "m", "seed":9007199254740993, "messages":[{"role":"user","content":"\\u0061\\/"}],\n "max_tokens":1000, "stream":true, "logit_bias":{"50256":-1.0e2,"7":0.10}, "tools":[{"type":"function","function":{"name":"q","parameters":${OPAQUE}}}], "metadata":{"2":"b","1":"a"} }`;
    expect(sent(openAiChat, 'openai', text)).toBe(
      text
        .replace('"model" : "m"', '"model" : "up-1"')
        .replace('"max_tokens":1000', '"max_tokens":64')
        .replace('"1":"a"} }', '"1":"a"},"stream_options":{"include_usage":true} }'),
    );
  });

  it('/completions', () => {
    const text = `{"prompt":"x","model":"m","seed":${BIG},"logit_bias":{"2":1.0,"1":-1E2},"max_tokens":9}`;
    expect(sent(openAiCompletions, 'openai', text)).toBe(text.replace('"m"', '"up-1"').replace(':9}', ':64}'));
  });

  it('/embeddings', () => {
    const text = `{"input":["\\u0061",""],"model":"m","dimensions":8.0,"user":"\\/"}`;
    expect(sent(openAiEmbeddings, 'openai', text)).toBe(text.replace('"m"', '"up-1"'));
  });

  it('/messages', () => {
    const text = `{"max_tokens":1e3,"model":"m","top_k":${BIG},"messages":[{"role":"user","content":"go"},{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"q","input":${OPAQUE}}]}],"stream":false}`;
    expect(sent(anthropicMessages, 'anthropic', text)).toBe(
      text.replace('"m"', '"up-1"').replace('1e3', '64').replace(',"stream":false', ''),
    );
  });

  it.each([
    [
      'a prompt',
      `{"model":"m","seed":${BIG},"prompt":"x","max_tokens":9}`,
      `{"model":"up-1","seed":${BIG},"max_tokens":64,"messages":[{"role":"user","content":"x"}]}`,
    ],
    [
      'messages',
      `{"model":"m","seed":${BIG},"messages":[{"role":"user", "content":"x"}]}`,
      `{"model":"up-1","seed":${BIG},"messages":[{"role":"user", "content":"x"}],"max_tokens":64}`,
    ],
    [
      'a payload',
      `{"model":"m","payload":{"messages":[{"role":"user", "content":"x"}]},"parameters":{"seed":${BIG}, "top_p":1.0}}`,
      `{"model":"up-1","seed":${BIG}, "top_p":1.0,"messages":[{"role":"user", "content":"x"}],"max_tokens":64}`,
    ],
  ])('/inference with %s', (_what, text, expected) => {
    expect(sent(inference, 'openai', text)).toBe(expected);
  });
});

describe('to a backend of another kind what nobody here reads is carried over to the letter', () => {
  const toolTurn = (input: string) =>
    `{"model":"m","max_tokens":50,"messages":[{"role":"user","content":"go"},{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"q","input":${input}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"x"}]}]}`;
  const chatTurn = (given: string) =>
    `{"model":"m","messages":[{"role":"user","content":"x"},{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"q","arguments":${JSON.stringify(given)}}}]},{"role":"tool","tool_call_id":"c","content":"x"}]}`;
  const responsesTurn = (given: string) =>
    `{"model":"m","input":[{"role":"user","content":"x"},{"type":"function_call","call_id":"c","name":"q","arguments":${JSON.stringify(given)}},{"type":"function_call_output","call_id":"c","output":"x"}]}`;

  it.each([`{"id":${BIG}}`, OPAQUE, '{ "city": "Paris" }', '{}'])('the input %s of a tool', (input) => {
    const chat = JSON.parse(sent(anthropicMessages, 'openai', toolTurn(input)));
    expect(chat.messages[1].tool_calls[0].function.arguments).toBe(input);
    for (const upstream of [
      sent(openAiChat, 'anthropic', chatTurn(input)),
      sent(openAiResponses, 'anthropic', responsesTurn(input)),
    ])
      expect(upstream).toContain(`"input":${input}`);
  });

  it.each([
    [
      'tools of a chat',
      openAiChat,
      'anthropic',
      `"messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{"name":"q","parameters":${OPAQUE}}}]`,
    ],
    [
      'tools of a message',
      anthropicMessages,
      'openai',
      `"max_tokens":9,"messages":[{"role":"user","content":"x"}],"tools":[{"name":"q","input_schema":${OPAQUE}}]`,
    ],
    [
      'tools of a response',
      openAiResponses,
      'openai',
      `"input":"x","tools":[{"type":"function","name":"q","parameters":${OPAQUE}}]`,
    ],
    [
      'tools of a response',
      openAiResponses,
      'anthropic',
      `"input":"x","tools":[{"type":"function","name":"q","parameters":${OPAQUE}}]`,
    ],
    [
      'the format of a chat',
      openAiChat,
      'anthropic',
      `"messages":[{"role":"user","content":"x"}],"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":${OPAQUE}}}`,
    ],
    [
      'the format of a message',
      anthropicMessages,
      'openai',
      `"max_tokens":9,"messages":[{"role":"user","content":"x"}],"output_config":{"format":{"type":"json_schema","schema":${OPAQUE}}}`,
    ],
    [
      'the format of a response',
      openAiResponses,
      'openai',
      `"input":"x","text":{"format":{"type":"json_schema","name":"n","schema":${OPAQUE}}}`,
    ],
  ] as const)('the schema in %s', (_what, dialect, kind, members) => {
    expect(sent(dialect as Dialect<MeteredRequest>, kind, `{"model":"m",${members}}`)).toContain(OPAQUE);
  });

  it('a schema with a description of its own', () => {
    const text = `{"model":"m","messages":[{"role":"user","content":"x"}],"response_format":{"type":"json_schema","json_schema":{"name":"n","description":"d","schema":${OPAQUE}}}}`;
    expect(sent(openAiChat, 'anthropic', text)).toContain(`${OPAQUE.slice(0, -1)},"description":"d"}`);
  });

  it.each([
    ['a key that stands twice', '{"a":{"b":1,"b":2}}'],
    ['no object', '[1]'],
    ['no JSON', '{"a":'],
    ['a nesting without end', `${'{"a":'.repeat(200)}1${'}'.repeat(200)}`],
  ])('and arguments that mean nothing there are refused: %s', (_what, given) => {
    expect(refusalOf(openAiChat, 'anthropic', chatTurn(given))).toMatchObject({ code: 'invalid_value' });
    expect(refusalOf(openAiResponses, 'anthropic', responsesTurn(given))).toMatchObject({ code: 'invalid_value' });
  });

  it.each(['temperature', 'top_p', 'parallel_tool_calls', 'n'])('and so is a %s beyond all numbers', (field) => {
    const chat = `{"model":"m","messages":[{"role":"user","content":"x"}],"${field}":1e400}`;
    expect(refusalOf(openAiChat, 'anthropic', chat)).toMatchObject({ code: 'invalid_value', param: field });
  });

  it('a bound holds white space and long numbers that come to stand in a prompt', () => {
    const bytesOf = (input: string) => {
      const parsed = anthropicMessages.parse(readClientText(toolTurn(input)).value);
      if (!parsed.ok) throw new Error(parsed.refusal.message);
      return parsed.request.facts.prompts[0]?.textBytes ?? 0;
    };
    const bare = bytesOf('{"a":1,"b":2}');
    expect(bytesOf(`{"a":1,${' '.repeat(1_000)}"b":2}`)).toBe(bare + 1_000);
    expect(bytesOf(`{"a":1,"b":2.${'0'.repeat(1_000)}}`)).toBeGreaterThanOrEqual(bare + 1_000);
  });
});
