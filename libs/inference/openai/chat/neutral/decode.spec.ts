import { joinEvents, type NeutralEvent } from '../../../neutral';
import { ChatDecoder, decodeChatAnswer } from './decode';

function bytesOf(...choices: object[]): Uint8Array {
  return Buffer.from(
    choices.map((choice) => `data: ${JSON.stringify({ id: 'c', choices: [{ index: 0, ...choice }] })}\n\n`).join(''),
  );
}

function decoded(...choices: object[]) {
  const decoder = new ChatDecoder();
  const events = [...decoder.push(bytesOf(...choices)), ...decoder.push(Buffer.from('data: [DONE]\n\n'))];
  const { events: late, outcome } = decoder.end(true);
  return { events: joinEvents([...events, ...late]), outcome };
}

const call = (...calls: object[]) => ({ delta: { tool_calls: calls } });
const finish = (finish_reason: string) => ({ delta: {}, finish_reason });

describe('ChatDecoder', () => {
  it('tells calls of tools one after the other', () => {
    const { events } = decoded(
      call({ index: 0, id: 'a', function: { name: 'f', arguments: '{' } }),
      call({ index: 0, function: { arguments: '}' } }, { index: 1, id: 'b', function: { name: 'g' } }),
      finish('tool_calls'),
    );
    expect(events).toEqual<NeutralEvent[]>([
      { type: 'tool-call', id: 'a', name: 'f' },
      { type: 'tool-arguments', text: '{}' },
      { type: 'tool-call', id: 'b', name: 'g' },
      // A function that takes nothing: whoever calls it parses its arguments all the same.
      { type: 'tool-arguments', text: '{}' },
      { type: 'finish', reason: 'tool-calls' },
    ]);
  });

  it('tells calls apart that share an index, by their ids', () => {
    const { events } = decoded(
      call({ index: 0, id: 'a', function: { name: 'f', arguments: '{"x":1}' } }),
      call({ index: 0, id: 'b', function: { name: 'f', arguments: '{"x":' } }),
      call({ index: 0, id: 'b', function: { name: 'f', arguments: '2}' } }),
      finish('tool_calls'),
    );
    expect(events).toEqual<NeutralEvent[]>([
      { type: 'tool-call', id: 'a', name: 'f' },
      { type: 'tool-arguments', text: '{"x":1}' },
      { type: 'tool-call', id: 'b', name: 'f' },
      { type: 'tool-arguments', text: '{"x":2}' },
      { type: 'finish', reason: 'tool-calls' },
    ]);
  });

  it('text between the pieces of a call cannot be told in order', () => {
    const { outcome } = decoded(
      call({ index: 0, id: 'a', function: { name: 'f', arguments: '{' } }),
      { delta: { content: 'x' } },
      call({ index: 0, function: { arguments: '}' } }),
      finish('tool_calls'),
    );
    expect(outcome).toMatchObject({ kind: 'garbage', reason: 'tool-call-unreadable' });
  });

  it('a stop after a call of a tool means that the tool is wanted', () => {
    const { events } = decoded(call({ index: 0, id: 'a', function: { name: 'f' } }), finish('stop'));
    expect(events.at(-1)).toEqual({ type: 'finish', reason: 'tool-calls' });
  });

  it('tells calls whose pieces come in turns one after the other', () => {
    const piece = (index: number, text: string) => ({ index, function: { arguments: text } });
    const { events, outcome } = decoded(
      call({ index: 0, id: 'a', function: { name: 'f' } }),
      call({ index: 1, id: 'b', function: { name: 'g', arguments: '{' } }),
      call(piece(0, '{"x"')),
      call(piece(1, '}'), piece(0, ':1}')),
      call({ index: 2, id: 'c', function: { name: 'h', arguments: '{}' } }),
      finish('tool_calls'),
    );
    expect(outcome.kind).toBe('complete');
    expect(events).toEqual<NeutralEvent[]>([
      { type: 'tool-call', id: 'a', name: 'f' },
      { type: 'tool-arguments', text: '{"x":1}' },
      { type: 'tool-call', id: 'b', name: 'g' },
      { type: 'tool-arguments', text: '{}' },
      { type: 'tool-call', id: 'c', name: 'h' },
      { type: 'tool-arguments', text: '{}' },
      { type: 'finish', reason: 'tool-calls' },
    ]);
  });

  it('waits for a name that comes late', () => {
    const { events } = decoded(
      call({ index: 0, id: 'a', function: { arguments: '{' } }),
      call({ index: 0, function: { name: 'f', arguments: '}' } }),
      finish('tool_calls'),
    );
    expect(events.slice(0, 2)).toEqual<NeutralEvent[]>([
      { type: 'tool-call', id: 'a', name: 'f' },
      { type: 'tool-arguments', text: '{}' },
    ]);
  });

  it.each([
    [
      'an object in place of text',
      { tool_calls: [{ id: 'a', function: { name: 'f', arguments: { order: 17 } } }] },
      'a',
    ],
    ['the legacy call', { function_call: { name: 'f', arguments: '{"order":17}' } }, 'call_0'],
    ['the legacy call with an object', { function_call: { name: 'f', arguments: { order: 17 } } }, 'call_0'],
  ])('carries over %s', (_name, message, id) => {
    const told = [
      { type: 'tool-call', id, name: 'f' },
      { type: 'tool-arguments', text: '{"order":17}' },
      { type: 'finish', reason: 'tool-calls' },
    ];
    expect(decoded({ delta: message }, finish('function_call')).events).toEqual(told);
    const text = JSON.stringify({ choices: [{ index: 0, message, finish_reason: 'function_call' }] });
    expect(decodeChatAnswer(text)).toMatchObject({ kind: 'answer', events: told });
  });

  it.each([
    ['a list of arguments', { id: 'a', function: { name: 'f', arguments: [17] } }],
    ['a number', { id: 'a', function: { name: 'f', arguments: 17 } }],
    ['a call of nothing', { id: 'a', function: { arguments: '{}' } }],
    ['a tool of another type', { id: 'a', type: 'custom', custom: { name: 'f', input: 'x' } }],
  ])('cannot tell %s', (_name, toolCall) => {
    const garbage = { kind: 'garbage', reason: 'tool-call-unreadable' };
    expect(decoded(call({ index: 0, ...toolCall }), finish('tool_calls')).outcome).toMatchObject(garbage);
    const message = { tool_calls: [toolCall] };
    const text = JSON.stringify({ choices: [{ index: 0, message, finish_reason: 'tool_calls' }] });
    expect(decodeChatAnswer(text)).toMatchObject({ ...garbage, metered: { usage: { kind: 'absent' } } });
  });

  it('an end without a finish is one where the whole was counted, and else a cut', () => {
    const decoder = new ChatDecoder();
    decoder.push(bytesOf({ delta: { content: 'x' } }));
    decoder.push(
      Buffer.from('data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}\n\ndata: [DONE]\n\n'),
    );
    const { events, outcome } = decoder.end(true);
    expect(outcome.kind).toBe('complete');
    expect(events).toEqual([{ type: 'finish', reason: 'stop' }]);
    expect(decoded({ delta: { content: 'x' } }).outcome.kind).toBe('cut');
  });

  it('a cut has none', () => {
    const decoder = new ChatDecoder();
    decoder.push(bytesOf({ delta: { content: 'x' } }));
    expect(decoder.end(false)).toMatchObject({ events: [], outcome: { kind: 'cut' } });
  });

  it('what the end of the body brings to light is told with it', () => {
    const decoder = new ChatDecoder();
    const whole = Buffer.from(bytesOf({ delta: { content: 'x' }, finish_reason: 'stop' }))
      .toString()
      .trimEnd();
    expect(decoder.push(Buffer.from(whole))).toEqual([]);
    expect(decoder.end(true)).toMatchObject({
      events: [{ type: 'text', text: 'x' }, { type: 'finish' }],
      outcome: { kind: 'complete' },
    });
  });

  it.each([
    ['content', { content: [{ type: 'text', text: 'hi' }] }, { type: 'text', text: 'hi' }],
    ['reasoning', { reasoning: 'hm' }, { type: 'reasoning', text: 'hm' }],
    ['a refusal', { refusal: 'no' }, { type: 'refusal', text: 'no' }],
  ])('reads %s', (_name, delta, event) => {
    expect(decoded({ delta }, finish('stop')).events[0]).toEqual(event);
  });
});

describe('decodeChatAnswer', () => {
  it('tells the same as a stream', () => {
    const message = {
      reasoning_content: 'hm',
      content: 'Hi',
      tool_calls: [{ id: 'a', function: { name: 'f', arguments: '{}' } }],
    };
    const text = JSON.stringify({ choices: [{ index: 0, message, finish_reason: 'tool_calls' }] });
    expect(decodeChatAnswer(text)).toMatchObject({
      kind: 'answer',
      events: [
        { type: 'reasoning', text: 'hm' },
        { type: 'text', text: 'Hi' },
        { type: 'tool-call', id: 'a', name: 'f' },
        { type: 'tool-arguments', text: '{}' },
        { type: 'finish', reason: 'tool-calls' },
      ],
      usage: { kind: 'absent' },
    });
  });

  it('passes garbage on as such', () => {
    expect(decodeChatAnswer('<html>')).toEqual({ kind: 'garbage', reason: 'invalid-json' });
  });
});
