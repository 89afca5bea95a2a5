import type { JsonObject } from '#inference';
import type { BackendKind } from '#inference/catalogue';
import type { Dialect, MeteredRequest } from '../calls/dialect';
import { anthropicMessages } from './anthropic-messages';
import { openAiChat } from './openai-chat';
import { openAiResponses } from './openai-responses';
import { accepted, answered, relayed } from './spec-kit';

const HELLO = [{ role: 'user', content: 'Hello?' }];

/** The same usage in the terms of each kind of backend: 60 of 64 tokens were reasoning, 5 came from a cache. */
const SAID: Readonly<Record<'openai' | 'anthropic', (reasoning?: number) => JsonObject>> = {
  openai: (reasoning) => ({
    prompt_tokens: 20,
    completion_tokens: 64,
    total_tokens: 84,
    prompt_tokens_details: { cached_tokens: 5 },
    ...(reasoning === undefined ? {} : { completion_tokens_details: { reasoning_tokens: reasoning } }),
  }),
  anthropic: (reasoning) => ({
    input_tokens: 15,
    cache_read_input_tokens: 5,
    output_tokens: 64,
    ...(reasoning === undefined ? {} : { output_tokens_details: { thinking_tokens: reasoning } }),
  }),
};

const data = (...values: JsonObject[]) => Buffer.from(values.map((v) => `data: ${JSON.stringify(v)}\n\n`).join(''));
const BODY: Readonly<Record<'openai' | 'anthropic', (usage: JsonObject) => JsonObject>> = {
  openai: (usage) => ({ choices: [{ message: { content: 'Hi' }, finish_reason: 'stop' }], usage }),
  anthropic: (usage) => ({ content: [{ type: 'text', text: 'Hi' }], stop_reason: 'end_turn', usage }),
};
const STREAM: Readonly<Record<'openai' | 'anthropic', (usage: JsonObject) => Uint8Array>> = {
  openai: (usage) => data({ choices: [{ delta: { content: 'Hi' }, finish_reason: 'stop' }] }, { choices: [], usage }),
  anthropic: (usage) =>
    data(
      { type: 'message_start', message: { content: [], usage: { input_tokens: 15, output_tokens: 1 } } },
      { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage },
      { type: 'message_stop' },
    ),
};

/** The usage that the client is told, unstreamed and with the last event of a stream. */
function told<R extends MeteredRequest>(
  dialect: Dialect<R>,
  body: JsonObject,
  kind: 'openai' | 'anthropic',
  reasoning?: number,
): JsonObject[] {
  const usage = SAID[kind](reasoning);
  const whole = JSON.parse(answered(dialect, accepted(dialect, body), kind, BODY[kind](usage)));
  const request = accepted(dialect, { ...body, stream: true });
  const { closing } = relayed(dialect, request, kind as BackendKind, STREAM[kind](usage));
  const events = closing
    .split('\n')
    .filter((line) => line.startsWith('data: {'))
    .map((line) => JSON.parse(line.slice('data: '.length)));
  const last = events.find((event) => event.usage ?? event.response?.usage);
  return [whole.usage, last.usage ?? last.response.usage];
}

describe.each(['openai', 'anthropic'] as const)('what a backend of kind %s says of its tokens', (kind) => {
  it.each([60, 0])('is told in the terms of every dialect: %i tokens of reasoning', (reasoning) => {
    for (const usage of told(openAiResponses, { model: 'm', input: 'Hello?' }, kind, reasoning))
      expect(usage).toMatchObject({
        input_tokens: 20,
        input_tokens_details: { cached_tokens: 5 },
        output_tokens: 64,
        output_tokens_details: { reasoning_tokens: reasoning },
      });
    const asked = { model: 'm', messages: HELLO, stream_options: { include_usage: true } };
    for (const usage of told(openAiChat, asked, kind, reasoning))
      expect(usage).toMatchObject({
        prompt_tokens: 20,
        prompt_tokens_details: { cached_tokens: 5 },
        completion_tokens: 64,
        completion_tokens_details: { reasoning_tokens: reasoning },
      });
    for (const usage of told(anthropicMessages, { model: 'm', messages: HELLO, max_tokens: 90 }, kind, reasoning))
      expect(usage).toMatchObject({
        input_tokens: 15,
        cache_read_input_tokens: 5,
        output_tokens: 64,
        output_tokens_details: { thinking_tokens: reasoning },
      });
  });

  it('is left out where it has not said so, and not made 0', () => {
    const asked = { model: 'm', messages: HELLO, stream_options: { include_usage: true } };
    for (const usage of [
      ...told(openAiResponses, { model: 'm', input: 'Hello?' }, kind),
      ...told(openAiChat, asked, kind),
      ...told(anthropicMessages, { model: 'm', messages: HELLO, max_tokens: 90 }, kind),
    ])
      for (const name of ['output_tokens_details', 'completion_tokens_details']) expect(usage).not.toHaveProperty(name);
  });
});
