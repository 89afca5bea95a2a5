import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BackendKind } from '#inference/catalogue';
import { nextSaid, type Said } from './script';

type Json = Readonly<Record<string, unknown>>;

/** How one kind of provider writes what it says. */
interface Tongue {
  toolNames(body: Json): readonly string[];
  answer(said: Said, model: unknown): Json;
  frames(said: Said, model: unknown): readonly string[];
}

function list(value: unknown): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}

const openAiUsage = { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 };

const OPENAI: Tongue = {
  toolNames: ({ tools }) => list(tools).map((tool) => String((tool.function as Json | undefined)?.name)),
  answer: (said, model) => ({
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model,
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: said.kind === 'text' ? said.text : null, ...openAiCalls(said) },
        finish_reason: said.kind === 'text' ? 'stop' : 'tool_calls',
      },
    ],
    usage: openAiUsage,
  }),
  frames(said, model) {
    const chunk = (delta: Json, finish: string | null = null) =>
      frame({
        id: 'chatcmpl-1',
        object: 'chat.completion.chunk',
        created: 1,
        model,
        choices: [{ index: 0, delta, finish_reason: finish }],
      });
    const content = said.kind === 'text' ? { content: said.text } : openAiCalls(said);
    return [
      chunk({ role: 'assistant' }),
      chunk(content),
      chunk({}, said.kind === 'text' ? 'stop' : 'tool_calls'),
      frame({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model, choices: [], usage: openAiUsage }),
      'data: [DONE]\n\n',
    ];
  },
};

function openAiCalls(said: Said): Json {
  if (said.kind === 'text') return {};
  const { name, input } = said;
  return {
    tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: { name, arguments: JSON.stringify(input) } }],
  };
}

const anthropicUsage = { input_tokens: 100, output_tokens: 20 };

const ANTHROPIC: Tongue = {
  toolNames: ({ tools }) => list(tools).map(({ name }) => String(name)),
  answer: (said, model) => ({
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model,
    content: [
      said.kind === 'text' ? said : { type: 'tool_use', id: 'toolu_1', name: said.name, input: said.input },
    ].map((block) => ('kind' in block ? { type: 'text', text: block.text } : block)),
    stop_reason: said.kind === 'text' ? 'end_turn' : 'tool_use',
    stop_sequence: null,
    usage: anthropicUsage,
  }),
  frames(said, model) {
    const isText = said.kind === 'text';
    const block = isText ? { type: 'text', text: '' } : { type: 'tool_use', id: 'toolu_1', name: said.name, input: {} };
    const delta = isText
      ? { type: 'text_delta', text: said.text }
      : { type: 'input_json_delta', partial_json: JSON.stringify(said.input) };
    const message = { id: 'msg_1', type: 'message', role: 'assistant', model, content: [], stop_reason: null };
    const events: readonly Json[] = [
      {
        type: 'message_start',
        message: { ...message, stop_sequence: null, usage: { ...anthropicUsage, output_tokens: 1 } },
      },
      { type: 'content_block_start', index: 0, content_block: block },
      { type: 'content_block_delta', index: 0, delta },
      { type: 'content_block_stop', index: 0 },
      {
        type: 'message_delta',
        delta: { stop_reason: isText ? 'end_turn' : 'tool_use', stop_sequence: null },
        usage: { output_tokens: 20 },
      },
      { type: 'message_stop' },
    ];
    return events.map((event) => `event: ${String(event.type)}\n${frame(event)}`);
  },
};

function frame(value: Json): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

/** What a provider was asked, for whoever looks into a verdict. */
export interface HeardRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Json;
}

/** A provider of one kind on this machine, which says what the script has. */
export class ScriptedUpstream {
  readonly heard: HeardRequest[] = [];
  private constructor(private readonly server: Server) {}

  static async start(kind: Exclude<BackendKind, 'simulator'>, note: string): Promise<ScriptedUpstream> {
    const tongue = kind === 'openai' ? OPENAI : ANTHROPIC;
    const server = createServer();
    const upstream = new ScriptedUpstream(server);
    server.on('request', async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const text = Buffer.concat(chunks).toString('utf8');
      const body = (text === '' ? {} : JSON.parse(text)) as Json;
      upstream.heard.push({ path: request.url ?? '', headers: request.headers, body });
      answer(response, tongue, body, note);
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    return upstream;
  }

  get baseUrl(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((closed) => this.server.close(closed));
  }
}

function answer(response: ServerResponse, tongue: Tongue, body: Json, note: string): void {
  // Tools describe themselves with many words: only what was said decides.
  const said = nextSaid(JSON.stringify(body.messages ?? []), tongue.toolNames(body), note);
  if (body.stream === true)
    response.writeHead(200, { 'content-type': 'text/event-stream' }).end(tongue.frames(said, body.model).join(''));
  else
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify(tongue.answer(said, body.model)));
}
