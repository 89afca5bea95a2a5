import { joinEvents } from '../../neutral';
import { decodeMessagesAnswer, MessagesDecoder } from './decode';

function decoded(...events: object[]) {
  return judged(...events).events;
}

function judged(...events: object[]) {
  const start = { type: 'message_start', message: { id: 'm', content: [], usage: { input_tokens: 3 } } };
  const end = [
    { type: 'message_delta', delta: { stop_reason: 'tool_use' }, usage: { output_tokens: 2 } },
    { type: 'message_stop' },
  ];
  const bytes = [start, ...events, ...end].map((event) => `data: ${JSON.stringify(event)}\n\n`).join('');
  const decoder = new MessagesDecoder();
  const told = decoder.push(Buffer.from(bytes));
  const { events: late, outcome } = decoder.end(true);
  return { events: joinEvents([...told, ...late]), outcome };
}

const begins = (index: number, content_block: object) => ({ type: 'content_block_start', index, content_block });
const piece = (index: number, partial_json: string) => ({
  type: 'content_block_delta',
  index,
  delta: { type: 'input_json_delta', partial_json },
});
const ends = (index: number) => ({ type: 'content_block_stop', index });
const FINISH = { type: 'finish', reason: 'tool-calls' };

describe('MessagesDecoder', () => {
  it('tells a call of a tool that takes nothing with arguments that can be parsed', () => {
    const now = begins(0, { type: 'tool_use', id: 'a', name: 'now', input: {} });
    const call = [{ type: 'tool-call', id: 'a', name: 'now' }, { type: 'tool-arguments', text: '{}' }, FINISH];
    expect(decoded(now, ends(0))).toEqual(call);
    expect(decoded(now, piece(0, ''), ends(0))).toEqual(call);
  });

  it('tells arguments once, however they come', () => {
    const tool = begins(0, { type: 'tool_use', id: 'a', name: 'f', input: {} });
    expect(decoded(tool, piece(0, ''), piece(0, '{"x"'), piece(0, ':1}'), ends(0))).toEqual([
      { type: 'tool-call', id: 'a', name: 'f' },
      { type: 'tool-arguments', text: '{"x":1}' },
      FINISH,
    ]);
  });

  it.each([
    ['an object', { x: [1] }, '{"x":[1]}'],
    ['JSON text', '{"x": 1}', '{"x": 1}'],
    ['nothing', null, '{}'],
  ])('tells an input that comes whole with its beginning: %s', (_name, input, text) => {
    const tool = { type: 'tool_use', id: 'a', name: 'f', input };
    const call = [{ type: 'tool-call', id: 'a', name: 'f' }, { type: 'tool-arguments', text }, FINISH];
    expect(decoded(begins(0, tool), ends(0))).toEqual(call);
    // Pieces that follow say the whole themselves.
    expect(decoded(begins(0, tool), piece(0, '{}'), ends(0))[1]).toEqual({ type: 'tool-arguments', text: '{}' });
    const answer = decodeMessagesAnswer(JSON.stringify({ content: [tool], stop_reason: 'tool_use' }));
    expect(answer).toMatchObject({ kind: 'answer', events: call });
  });

  it.each([
    ['a list', { id: 'a', name: 'f', input: [1] }],
    ['a number', { id: 'a', name: 'f', input: 1 }],
    ['a call of nothing', { id: 'a', input: {} }],
    ['a call without an id', { name: 'f', input: {} }],
  ])('cannot tell %s, and says so with what is known of the tokens', (_name, rest) => {
    const tool = { type: 'tool_use', ...rest };
    const usage = { kind: 'reported', usage: { input: 3, output: 2 } };
    expect(judged(begins(0, tool), ends(0))).toMatchObject({
      outcome: { kind: 'garbage', reason: 'tool-call-unreadable', usage },
    });
    const body = { content: [tool], stop_reason: 'tool_use', usage: { input_tokens: 3, output_tokens: 2 } };
    expect(decodeMessagesAnswer(JSON.stringify(body))).toMatchObject({
      kind: 'garbage',
      reason: 'tool-call-unreadable',
      metered: { usage },
    });
  });

  it("leaves out the arguments of the backend's own tools", () => {
    const own = begins(0, { type: 'server_tool_use', id: 's', name: 'search', input: {} });
    expect(decoded(own, piece(0, '{"q":1}'), ends(0))).toEqual([FINISH]);
  });
});
