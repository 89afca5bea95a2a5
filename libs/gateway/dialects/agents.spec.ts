import { readAnthropicHeaders, sortBetas } from '#inference/anthropic';
import type { BackendKind } from '#inference/catalogue';
import { AGENT_REQUESTS, CLAUDE_CODE_TURN, CODEX_DEFAULT, CODEX_PLAIN } from '#testing/agent-requests';
import { unknownFieldRefusalOfModel } from '../calls/choose-route';
import { simulatedModel } from '../calls/spec-kit';
import { anthropicMessages } from './anthropic-messages';
import { DIALECTS } from './index';
import { openAiResponses } from './openai-responses';
import { accepted, backendOf, contextOf, relayed, targetOf } from './spec-kit';

/** Agents at their defaults are let in, before backends of both kinds, and nothing that they send costs unseen. */

const KINDS: readonly BackendKind[] = ['openai', 'anthropic'];
const cases = AGENT_REQUESTS.flatMap((request) => KINDS.map((kind) => [request.program, kind, request] as const));

it.each(cases)('%s, before a backend of kind %s', (_program, kind, { path, body }) => {
  DIALECTS[path]?.use((dialect) => {
    const request = accepted(dialect, body);
    const backend = backendOf(kind);
    const models = { backends: () => new Map([[backend.id, backend]]) };
    const model = simulatedModel('m', 'echo', {
      routes: [{ backendId: backend.id, upstreamModel: 'echo', weight: 1 }],
    });
    expect(unknownFieldRefusalOfModel(models, model, request.unknownFields)).toBeUndefined();
    expect(dialect.refusalFor?.(request, kind)).toBeUndefined();
    const upstream = dialect.buildUpstream(request, targetOf(kind));
    // Before another kind of backend nothing enters its prompt that was not counted.
    if (path === '/responses' || kind === 'openai') {
      const { messages, tools = [], system = '' } = upstream;
      const words = JSON.stringify([messages, tools, system]).replaceAll(
        /"(?:role|content|type|text)":|[{}[\],"]/g,
        '',
      );
      expect(request.facts.prompts[0]?.textBytes).toBeGreaterThanOrEqual(Buffer.byteLength(words));
    }
    expect(request.facts.prompts[0]?.tools).toBe(Array.isArray(upstream.tools) ? upstream.tools.length : 0);
  });
});

describe('tools of an agent that backends do not know', () => {
  function toolsFor(kind: BackendKind) {
    return openAiResponses.buildUpstream(accepted(openAiResponses, CODEX_DEFAULT.body), targetOf(kind));
  }

  it('are functions there: in one namespace, with free text as their one parameter', () => {
    const { tools, messages } = toolsFor('openai');
    expect(tools).toMatchObject([
      {
        function: {
          name: 'functions__exec',
          description: expect.stringContaining('start: /.+/') as string,
          parameters: { required: ['input'] },
        },
      },
      { function: { name: 'functions__wait' } },
      { function: { name: 'clock__sleep' } },
    ]);
    expect(messages).toMatchObject([
      { role: 'system' },
      { role: 'user' },
      { tool_calls: [{ function: { name: 'functions__exec', arguments: '{"input":"say(\\"hi\\")\\n"}' } }] },
      { role: 'tool', content: 'ok' },
    ]);
    expect(toolsFor('anthropic').tools).toMatchObject([
      { name: 'functions__exec' },
      { name: 'functions__wait' },
      { name: 'clock__sleep' },
    ]);
  });

  it('that are mere offers are left out, and the answer does not tell them', () => {
    const request = accepted(openAiResponses, CODEX_PLAIN.body);
    const { tools } = openAiResponses.buildUpstream(request, targetOf('openai'));
    expect(tools).toMatchObject(
      ['exec_command', 'agents__spawn', 'agents__wait'].map((name) => ({ function: { name } })),
    );
    const { before } = relayed(openAiResponses, request, 'openai', calls('exec_command', '{"cmd":"true"}'));
    expect(before).toContain('"name":"exec_command"');
    expect(before).not.toContain('"type":"web_search"');
  });

  /** What a chat backend streams when its model calls one tool. */
  function calls(name: string, text: string): Buffer {
    const chunk = (delta: object, finish: string | null = null) =>
      `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
    const piece = (rest: object) => chunk({ tool_calls: [{ index: 0, ...rest }] });
    return Buffer.from(
      piece({ id: 'call_9', type: 'function', function: { name, arguments: '' } }) +
        piece({ function: { arguments: text.slice(0, 4) } }) +
        piece({ function: { arguments: text.slice(4) } }) +
        chunk({}, 'tool_calls') +
        `data: ${JSON.stringify({ choices: [], usage: { prompt_tokens: 9, completion_tokens: 3 } })}\n\ndata: [DONE]\n\n`,
    );
  }

  function eventsOf(text: string): { type: string; item?: object; input?: string }[] {
    return text
      .split('\n\n')
      .flatMap((frame) => (frame.includes('\ndata: ') ? [JSON.parse(frame.split('\ndata: ')[1] ?? '')] : []));
  }

  it('are called in the words in which they were offered', () => {
    const request = accepted(openAiResponses, CODEX_DEFAULT.body);
    const bytes = calls('functions__exec', '{"input":"say(\\"ho\\")"}');
    const events = eventsOf(relayed(openAiResponses, request, 'openai', bytes).before);
    expect(events.find(({ type }) => type === 'response.custom_tool_call_input.done')?.input).toBe('say("ho")');
    expect(events.find(({ type }) => type === 'response.output_item.done')?.item).toMatchObject({
      type: 'custom_tool_call',
      call_id: 'call_9',
      name: 'exec',
      namespace: 'functions',
      input: 'say("ho")',
    });
    const sleeping = eventsOf(relayed(openAiResponses, request, 'openai', calls('clock__sleep', '{"s":1}')).before);
    expect(sleeping.find(({ type }) => type === 'response.output_item.done')?.item).toMatchObject({
      type: 'function_call',
      name: 'sleep',
      namespace: 'clock',
      arguments: '{"s":1}',
    });
  });

  it('a model that writes the free text itself is understood', () => {
    const request = accepted(openAiResponses, CODEX_DEFAULT.body);
    const events = eventsOf(relayed(openAiResponses, request, 'openai', calls('functions__exec', '{"in')).before);
    expect(events.find(({ type }) => type === 'response.output_item.done')?.item).toMatchObject({ input: '{"in' });
  });

  it('a search that the client runs is a function; what it found is offered', () => {
    const body = {
      model: 'm',
      tools: [
        { type: 'tool_search', execution: 'client', description: 'Finds tools.', parameters: { type: 'object' } },
      ],
      input: [
        { role: 'user', content: 'Go' },
        {
          type: 'tool_search_call',
          execution: 'client',
          call_id: 'c1',
          arguments: { query: 'mail' },
          status: 'completed',
        },
        {
          type: 'tool_search_output',
          execution: 'client',
          call_id: 'c1',
          status: 'completed',
          tools: [
            { type: 'namespace', name: 'mail', tools: [{ type: 'function', name: 'send', defer_loading: true }] },
          ],
        },
      ],
    };
    const request = accepted(openAiResponses, body);
    const upstream = openAiResponses.buildUpstream(request, targetOf('openai'));
    expect(upstream.tools).toMatchObject([{ function: { name: 'tool_search' } }, { function: { name: 'mail__send' } }]);
    expect(upstream.messages).toMatchObject([
      { role: 'user' },
      { tool_calls: [{ function: { name: 'tool_search', arguments: '{"query":"mail"}' } }] },
      { role: 'tool', content: 'Found: mail__send' },
    ]);
    const said = eventsOf(relayed(openAiResponses, request, 'openai', calls('tool_search', '{"query":"x"}')).before);
    expect(said.find(({ type }) => type === 'response.output_item.done')?.item).toMatchObject({
      type: 'tool_search_call',
      execution: 'client',
      arguments: { query: 'x' },
    });
  });

  it.each([
    ['a tool with a price of its own', { type: 'code_interpreter', container: { type: 'auto' } }, 'tools[0].type'],
    ['one within a namespace', { type: 'namespace', name: 'n', tools: [{ type: 'mcp' }] }, 'tools[0].tools[0].type'],
    ['a namespace of nothing', { type: 'namespace', name: 'n' }, 'tools[0]'],
  ])('%s is refused', (_name, tool, param) => {
    const parsed = openAiResponses.parse({ model: 'm', input: 'x', tools: [tool] });
    expect(parsed).toMatchObject({ ok: false, refusal: { param } });
  });

  it.each([
    ['two tools of one name', [{ name: 'a__b' }, { namespace: 'a', name: 'b' }], 'tools[1].tools[0].name'],
    [
      'a tool that only programs may call',
      [{ name: 'a', allowed_callers: ['programmatic'] }],
      'tools[0].allowed_callers',
    ],
    ['a tool that answers later', [{ name: 'a', async: true }], 'tools[0].async'],
  ])('%s are refused by name', (_name, tools, param) => {
    const body = {
      model: 'm',
      input: 'x',
      tools: tools.map(({ namespace, ...tool }: { namespace?: string; name: string }) =>
        namespace === undefined
          ? { type: 'function', ...tool }
          : { type: 'namespace', name: namespace, tools: [{ type: 'function', ...tool }] },
      ),
    };
    expect(openAiResponses.refusalFor?.(accepted(openAiResponses, body), 'openai')).toMatchObject({ param });
  });

  it('an unstreamed answer tells them alike', () => {
    const request = accepted(openAiResponses, { ...CODEX_DEFAULT.body, stream: false });
    const message = {
      role: 'assistant',
      tool_calls: [{ id: 'c', type: 'function', function: { name: 'functions__exec', arguments: '{"input":"x"}' } }],
    };
    const text = JSON.stringify({ choices: [{ index: 0, message, finish_reason: 'tool_calls' }] });
    const bounds = {
      inputTokensMax: 1,
      inputTokensEstimate: 1,
      outputTokensCap: 1,
      outputCapSource: 'client',
      outputsMax: 1,
    } as const;
    const reading = openAiResponses.readAnswer(request, text, contextOf('openai'), bounds);
    if (reading.kind !== 'complete') throw new Error(reading.kind);
    const shown = reading.render({ input: 1, cachedInput: 0, cacheWrite: 0, output: 1 }, 1n as never);
    expect(JSON.parse(shown)).toMatchObject({
      output: [{ type: 'custom_tool_call', namespace: 'functions', input: 'x' }],
    });
  });
});

it('the effort of the last instructions decides, before backends that have one for the whole call', () => {
  const effort = (...efforts: unknown[]) => {
    const request = accepted(anthropicMessages, {
      ...CLAUDE_CODE_TURN.body,
      output_config: { effort: 'max' },
      messages: efforts.map((one) => ({ role: 'system', content: 'x', output_config: { effort: one } })),
    });
    const refusal = anthropicMessages.refusalFor?.(request, 'openai');
    return refusal?.param ?? anthropicMessages.buildUpstream(request, targetOf('openai')).reasoning_effort;
  };
  expect([effort(null), effort('low', 'high'), effort('low', 'huge')]).toEqual([
    'max',
    'high',
    'messages[1].output_config.effort',
  ]);
});

it('no beta feature of an agent is left out but the one that has a price', () => {
  const betas = AGENT_REQUESTS.flatMap(({ headers }) => readAnthropicHeaders(headers)?.betas ?? []);
  expect(new Set(sortBetas(betas, {}).leftOut)).toEqual(new Set(['context-1m-2025-08-07']));
});

describe('efforts and verbosity', () => {
  const built = (rest: object, kind: BackendKind) => {
    const request = accepted(openAiResponses, { model: 'm', input: 'x', ...rest });
    const refusal = openAiResponses.refusalFor?.(request, kind);
    return refusal ?? openAiResponses.buildUpstream(request, targetOf(kind));
  };

  it.each(['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'])('%s', (effort) => {
    expect(built({ reasoning: { effort } }, 'openai')).toMatchObject({ reasoning_effort: effort });
    const { output_config: config } = built({ reasoning: { effort } }, 'anthropic') as { output_config?: object };
    const known = effort === 'none' ? undefined : { effort: effort === 'minimal' ? 'low' : effort };
    expect(config).toEqual(known);
  });

  it('a verbosity goes where it is known, and is a mere wish elsewhere', () => {
    expect(built({ text: { verbosity: 'low' } }, 'openai')).toMatchObject({ verbosity: 'low' });
    expect(built({ text: { verbosity: 'medium' } }, 'openai')).not.toHaveProperty('verbosity');
    expect(built({ text: { verbosity: 'low' } }, 'anthropic')).not.toHaveProperty('verbosity');
  });

  it.each([
    [{ reasoning: { effort: 'enormous' } }, 'reasoning.effort'],
    [{ reasoning: { mode: 'pro' } }, 'reasoning.mode'],
    [{ text: { verbosity: 'endless' } }, 'text.verbosity'],
  ])('%j is refused', (rest, param) => expect(built(rest, 'openai')).toMatchObject({ param }));
});
