/**
 * What well-known agents send at their defaults, as shapes: the fields, types and values that decide whether a request
 * is let in, with words of our own in place of theirs. `npm run test:agents` drives the programs themselves; when one
 * of them sends something new, its shape belongs here.
 */
export interface AgentRequest {
  readonly program: string;
  readonly path: '/messages' | '/responses';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>>;
}

const SCHEMA = { type: 'object', properties: { command: { type: 'string' } }, required: ['command'] } as const;
const EPHEMERAL = { cache_control: { type: 'ephemeral' } } as const;

const CLAUDE_HEADERS = {
  'anthropic-version': '2023-06-01',
  'anthropic-beta': [
    'claude-code-20250219',
    'interleaved-thinking-2025-05-14',
    'context-management-2025-06-27',
    'per-turn-control-2026-07-01',
    'mid-conversation-tool-changes-2026-07-01',
    'thinking-token-count-2026-05-13',
    'advanced-tool-use-2025-11-20',
    'effort-2025-11-24',
  ].join(','),
} as const;

const CLAUDE_SYSTEM = [
  { type: 'text', text: 'A line of accounting.' },
  { type: 'text', text: 'Who you are.', ...EPHEMERAL },
  { type: 'text', text: 'How to work.', ...EPHEMERAL },
];

/** Asks for the title of a session before the session itself. */
const claudeCodeTitle: AgentRequest = {
  program: 'Claude Code, the title of a session',
  path: '/messages',
  headers: {
    ...CLAUDE_HEADERS,
    'anthropic-beta': `${CLAUDE_HEADERS['anthropic-beta']},structured-outputs-2025-12-15`,
  },
  body: {
    model: 'house/m',
    messages: [{ role: 'user', content: [{ type: 'text', text: 'Run the tests' }] }],
    system: CLAUDE_SYSTEM.slice(0, 2),
    tools: [],
    metadata: { user_id: '{"device_id":"d","account_uuid":"","session_id":"s"}' },
    max_tokens: 64_000,
    thinking: { type: 'disabled' },
    output_config: {
      effort: 'high',
      format: { type: 'json_schema', schema: { type: 'object', properties: { title: { type: 'string' } } } },
    },
    stream: true,
  },
};

const claudeCodeTurn: AgentRequest = {
  program: 'Claude Code, after a tool has run',
  path: '/messages',
  headers: CLAUDE_HEADERS,
  body: {
    model: 'house/m',
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'A reminder.' },
          { type: 'text', text: 'Run the tests' },
        ],
      },
      { role: 'system', content: 'What else there is.', output_config: { effort: 'medium' } },
      { role: 'assistant', content: [{ type: 'tool_use', id: 'toolu_1', name: 'Bash', input: { command: 'true' } }] },
      {
        role: 'user',
        content: [{ tool_use_id: 'toolu_1', type: 'tool_result', content: 'ok', is_error: false, ...EPHEMERAL }],
      },
    ],
    system: CLAUDE_SYSTEM,
    tools: [
      ...['Agent', 'Bash', 'Read'].map((name) => ({ name, description: 'A tool.', input_schema: SCHEMA })),
      { name: 'Later', description: 'Not yet.', input_schema: { type: 'object', properties: {} }, defer_loading: true },
    ],
    metadata: { user_id: '{"device_id":"d","account_uuid":"","session_id":"s"}' },
    max_tokens: 64_000,
    thinking: { type: 'adaptive', display: 'omitted' },
    context_management: { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] },
    output_config: { effort: 'high' },
    stream: true,
  },
};

function functionTool(name: string) {
  return { type: 'function', name, description: 'A tool.', strict: false, parameters: SCHEMA };
}

function said(role: string, text: string, id = `msg_${role}`) {
  return { type: 'message', id, role, content: [{ type: 'input_text', text }] };
}

const CODEX_LABELS = {
  stream: true,
  tool_choice: 'auto',
  store: false,
  include: ['reasoning.encrypted_content'],
  prompt_cache_key: 'p',
  client_metadata: { session_id: 's', thread_id: 't', 'x-codex-turn-metadata': '{}' },
} as const;

/** With a model that it does not know. */
const codexPlain: AgentRequest = {
  program: 'Codex, after a tool has run',
  path: '/responses',
  headers: {},
  body: {
    model: 'house/m',
    ...CODEX_LABELS,
    input: [
      said('developer', 'How to work.'),
      said('user', 'Where we are.'),
      said('user', 'Run the tests'),
      {
        type: 'function_call',
        status: 'completed',
        id: 'fc_1',
        name: 'exec_command',
        arguments: '{"cmd":"true"}',
        call_id: 'call_1',
      },
      { type: 'function_call_output', id: 'fco_1', call_id: 'call_1', output: 'ok' },
    ],
    tools: [
      functionTool('exec_command'),
      {
        type: 'namespace',
        name: 'agents',
        description: 'Others.',
        tools: [functionTool('spawn'), functionTool('wait')],
      },
      { type: 'web_search', external_web_access: false },
    ],
    parallel_tool_calls: true,
    reasoning: { summary: 'auto' },
  },
};

/** With the model that it takes by itself: the tools come in the input, in namespaces, and one takes free text. */
const codexDefault: AgentRequest = {
  program: 'Codex with tools in the input, after one has run',
  path: '/responses',
  headers: {},
  body: {
    model: 'house/m',
    ...CODEX_LABELS,
    input: [
      {
        type: 'additional_tools',
        id: 'at_1',
        role: 'developer',
        tools: [
          {
            type: 'namespace',
            name: 'functions',
            tools: [
              {
                type: 'custom',
                name: 'exec',
                description: 'Runs a program.',
                format: { type: 'grammar', syntax: 'lark', definition: 'start: /.+/' },
              },
              functionTool('wait'),
            ],
          },
          { type: 'namespace', name: 'clock', description: 'Time.', tools: [functionTool('sleep')] },
        ],
      },
      said('developer', 'How to work.'),
      said('user', 'Run the tests'),
      {
        type: 'custom_tool_call',
        id: 'ctc_1',
        status: 'completed',
        call_id: 'call_1',
        name: 'exec',
        namespace: 'functions',
        input: 'say("hi")\n',
      },
      { type: 'custom_tool_call_output', call_id: 'call_1', output: [{ type: 'input_text', text: 'ok' }] },
    ],
    parallel_tool_calls: false,
    reasoning: { effort: 'low', context: 'all_turns' },
    text: { verbosity: 'low' },
  },
};

/** After its own search for tools, as its older versions send it: text in one piece, and the context of a million. */
const claudeCodeFound: AgentRequest = {
  program: 'Claude Code, after it has looked for a tool',
  path: '/messages',
  headers: { ...CLAUDE_HEADERS, 'anthropic-beta': `${CLAUDE_HEADERS['anthropic-beta']},context-1m-2025-08-07` },
  body: {
    ...claudeCodeTurn.body,
    messages: [
      { role: 'user', content: 'Run the tests' },
      { role: 'system', content: [{ type: 'tool_addition', tool: { type: 'tool_reference', name: 'Later' } }] },
      { role: 'assistant', content: [{ type: 'tool_use', id: 'toolu_1', name: 'Search', input: { query: 'later' } }] },
      {
        role: 'user',
        content: [
          { tool_use_id: 'toolu_1', type: 'tool_result', content: [{ type: 'tool_reference', tool_name: 'Later' }] },
        ],
      },
    ],
  },
};

const agentsSdk: AgentRequest = {
  program: 'the OpenAI Agents SDK, after a tool has run',
  path: '/responses',
  headers: {},
  body: {
    model: 'house/m',
    instructions: 'Help.',
    input: [
      { role: 'user', content: 'Run the tests' },
      { id: 'fc_1', type: 'function_call', name: 'shell', call_id: 'c1', arguments: '{}', status: 'completed' },
      { type: 'function_call_output', call_id: 'c1', output: 'ok', status: 'completed' },
    ],
    include: [],
    tools: [{ ...functionTool('shell'), strict: true }],
    stream: false,
    text: { verbosity: 'low' },
    reasoning: { effort: 'none' },
  },
};

export const AGENT_REQUESTS: readonly AgentRequest[] = [
  claudeCodeTitle,
  claudeCodeTurn,
  claudeCodeFound,
  codexPlain,
  codexDefault,
  agentsSdk,
];
export { claudeCodeTurn as CLAUDE_CODE_TURN, codexDefault as CODEX_DEFAULT, codexPlain as CODEX_PLAIN };
