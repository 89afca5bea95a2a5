import fc from 'fast-check';
import type { PromptFacts } from '#inference';
import type { BackendKind } from '#inference/catalogue';
import type { Dialect, MeteredRequest } from '../calls/dialect';
import { anthropicMessages } from './anthropic-messages';
import { inference } from './inference';
import { openAiChat } from './openai-chat';
import { openAiResponses } from './openai-responses';
import { targetOf } from './spec-kit';

const KINDS: readonly BackendKind[] = ['openai', 'anthropic', 'simulator'];

const text = fc.string({ unit: 'grapheme', maxLength: 12 });
const json = fc.jsonValue({ maxDepth: 3 });
const odd = <T>(value: fc.Arbitrary<T>) => fc.oneof({ weight: 9, arbitrary: value as fc.Arbitrary<unknown> }, json);

/** Bodies that are nearly right: known names with values of every kind. */
const nearly = fc.record(
  {
    model: fc.constant('m'),
    max_tokens: fc.constant(9),
    messages: fc.array(
      fc.record(
        {
          role: odd(fc.constantFrom('system', 'user', 'assistant', 'tool')),
          content: odd(
            fc.array(
              fc.record(
                {
                  type: odd(
                    fc.constantFrom('text', 'image', 'image_url', 'tool_use', 'tool_result', 'document', 'file'),
                  ),
                  text: odd(text),
                  source: json,
                  image_url: json,
                  file: json,
                  input: json,
                  content: json,
                  tool_use_id: odd(text),
                },
                { requiredKeys: ['type'] },
              ),
            ),
          ),
          tool_calls: odd(fc.array(fc.record({ id: odd(text), function: json }))),
          tool_call_id: odd(text),
        },
        { requiredKeys: ['role'] },
      ),
      { minLength: 1, maxLength: 4 },
    ),
    input: odd(fc.array(fc.record({ type: odd(fc.constant('function_call')), arguments: odd(text), output: json }))),
    tools: odd(fc.array(fc.record({ type: fc.constant('function'), name: json, function: json, input_schema: json }))),
    tool_choice: json,
    stop: json,
    stop_sequences: json,
    response_format: json,
    text: json,
    reasoning: json,
    thinking: json,
    output_config: json,
    temperature: json,
    system: json,
    metadata: json,
  },
  { requiredKeys: ['model'] },
);

/** A request is refused by its parser, refused for the backend, or carried over whole: it never crashes. */
function endsWell<R extends MeteredRequest>(dialect: Dialect<R>, body: unknown): void {
  const parsed = dialect.parse(body);
  if (!parsed.ok) {
    expect(parsed.refusal.message).not.toBe('');
    return;
  }
  for (const kind of KINDS) {
    const refusal = dialect.refusalFor?.(parsed.request, kind);
    if (refusal !== undefined) expect(refusal.param).not.toBe('');
    else expect(dialect.buildUpstream(parsed.request, targetOf(kind))).toMatchObject({ model: 'up-1', max_tokens: 64 });
  }
}

describe('any request', () => {
  const without = (body: Record<string, unknown>, ...keys: string[]) =>
    Object.fromEntries(Object.entries(body).filter(([key]) => !keys.includes(key)));

  it('is refused or carried over, whatever it holds', () => {
    fc.assert(
      fc.property(nearly, (body) => {
        endsWell(openAiChat, without(body, 'input'));
        endsWell(inference, without(body, 'input'));
        endsWell(anthropicMessages, without(body, 'input'));
        endsWell(openAiResponses, without(body, 'messages', 'max_tokens'));
      }),
      { numRuns: 300 },
    );
  });
});

/** What the backend's own dialect counts of the body that it gets. */
function upstreamFacts<R extends MeteredRequest>(dialect: Dialect<R>, body: unknown) {
  const parsed = dialect.parse(body);
  if (!parsed.ok) throw new Error(parsed.refusal.message);
  expect(dialect.refusalFor?.(parsed.request, 'openai')).toBeUndefined();
  const upstream = openAiChat.parse(dialect.buildUpstream(parsed.request, targetOf('openai')));
  if (!upstream.ok) throw new Error(upstream.refusal.message);
  return { counted: parsed.request.facts.prompts[0], upstream: upstream.request.facts.prompts[0] };
}

function expectBounded(counted: PromptFacts | undefined, upstream: PromptFacts | undefined): void {
  if (counted === undefined || upstream === undefined) throw new Error('a chat has one prompt');
  for (const key of ['textBytes', 'messages', 'tools', 'images', 'files', 'otherParts'] as const)
    expect({ key, isBounded: upstream[key] <= counted[key] }).toEqual({ key, isBounded: true });
}

describe('what was counted of a request bounds what its backend gets', () => {
  const schema = fc.record({ type: fc.constant('object'), properties: fc.dictionary(text, json, { maxKeys: 2 }) });
  const args = fc.dictionary(text, json, { maxKeys: 3 });
  const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } };

  it('in messages', () => {
    const user = fc.record({
      role: fc.constant('user'),
      content: fc.oneof(
        text,
        fc.array(
          fc.oneof(
            fc.record({ type: fc.constant('text'), text }),
            fc.constant(image),
            fc.record({
              type: fc.constant('tool_result'),
              tool_use_id: text,
              is_error: fc.boolean(),
              content: fc.oneof(
                text,
                fc.array(fc.oneof(fc.record({ type: fc.constant('text'), text }), fc.constant(image)), {
                  maxLength: 3,
                }),
              ),
            }),
          ),
          { minLength: 1 },
        ),
      ),
    });
    const assistant = fc.record({
      role: fc.constant('assistant'),
      content: fc.array(
        fc.oneof(
          fc.record({ type: fc.constant('text'), text }),
          fc.record({ type: fc.constant('tool_use'), id: text, name: text, input: args }),
        ),
        { minLength: 1 },
      ),
    });
    const system = fc.oneof(text, fc.array(fc.record({ type: fc.constant('text'), text })));
    const tools = fc.array(fc.record({ name: text, description: text, input_schema: schema }), { maxLength: 3 });
    fc.assert(
      fc.property(fc.array(fc.oneof(user, assistant), { minLength: 1 }), system, tools, (messages, system, tools) => {
        const body = { model: 'm', max_tokens: 9, messages, system, tools };
        const { counted, upstream } = upstreamFacts(anthropicMessages, body);
        expectBounded(counted, upstream);
      }),
    );
  });

  it('in responses', () => {
    const item = fc.oneof(
      fc.record({ role: fc.constantFrom('user', 'assistant', 'system'), content: text }),
      fc.record({
        role: fc.constant('user'),
        content: fc.array(fc.record({ type: fc.constant('input_text'), text })),
      }),
      fc.record({
        type: fc.constant('function_call'),
        call_id: text,
        name: text,
        arguments: args.map((value) => JSON.stringify(value)),
      }),
      fc.record({
        type: fc.constant('function_call_output'),
        call_id: text,
        output: fc.oneof(
          text,
          fc.array(
            fc.oneof(
              fc.record({ type: fc.constant('input_text'), text }),
              fc.constant({ type: 'input_image', image_url: 'https://e.com/a.png' }),
            ),
            { maxLength: 3 },
          ),
        ),
      }),
    );
    const tools = fc.array(
      fc.record({ type: fc.constant('function'), name: text, description: text, parameters: schema }),
      { maxLength: 3 },
    );
    fc.assert(
      fc.property(fc.array(item, { minLength: 1 }), text, tools, (input, instructions, tools) => {
        fc.pre(input.some((entry) => !('role' in entry) || entry.content.length > 0));
        const { counted, upstream } = upstreamFacts(openAiResponses, { model: 'm', input, instructions, tools });
        expectBounded(counted, upstream);
      }),
    );
  });
});
