import { joinEvents } from '../../neutral';
import { MessagesDecoder } from './decode';

function decoded(...events: object[]) {
  const start = { type: 'message_start', message: { id: 'm', content: [], usage: { input_tokens: 3 } } };
  const end = [
    { type: 'message_delta', delta: { stop_reason: 'tool_use' }, usage: { output_tokens: 2 } },
    { type: 'message_stop' },
  ];
  const bytes = [start, ...events, ...end].map((event) => `data: ${JSON.stringify(event)}\n\n`).join('');
  const decoder = new MessagesDecoder();
  const told = decoder.push(Buffer.from(bytes));
  return joinEvents([...told, ...decoder.end(true).events]);
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

  it("leaves out the arguments of the backend's own tools", () => {
    const own = begins(0, { type: 'server_tool_use', id: 's', name: 'search', input: {} });
    expect(decoded(own, piece(0, '{"q":1}'), ends(0))).toEqual([FINISH]);
  });
});
