import { usd } from '#kernel';
import type { NeutralEvent } from '../../neutral';
import { decodeMessagesAnswer } from './decode';
import { encodeMessagesAnswer, hasUnreadableInput, MessagesEncoder } from './encode';

const HEAD = { requestId: 'req_1', createdSeconds: 5, clientModel: 'm' };
const CHARGED = { input: 4, cachedInput: 3, cacheWrite: 2, output: 1 };

function encoded(events: readonly NeutralEvent[]) {
  return encodeMessagesAnswer(events, HEAD, CHARGED, usd('0.5'));
}

describe('encodeMessagesAnswer', () => {
  it.each([
    [{ type: 'finish', reason: 'stop' }, 'end_turn', null],
    [{ type: 'finish', reason: 'stop', stopSequence: 'END' }, 'stop_sequence', 'END'],
    [{ type: 'finish', reason: 'length' }, 'max_tokens', null],
    [{ type: 'finish', reason: 'tool-calls' }, 'tool_use', null],
    [{ type: 'finish', reason: 'content-filter' }, 'refusal', null],
  ] as const)('%j', (event, stop_reason, stop_sequence) => {
    expect(encoded([event])).toMatchObject({ stop_reason, stop_sequence });
  });

  it('shows disjoint buckets', () => {
    expect(encoded([]).usage).toEqual({
      input_tokens: 4,
      cache_read_input_tokens: 3,
      cache_creation_input_tokens: 2,
      output_tokens: 1,
      cost: '0.5',
    });
  });

  const calling = (text: string, reason: 'tool-calls' | 'length' = 'tool-calls'): NeutralEvent[] => [
    { type: 'tool-call', id: 'a', name: 'f' },
    { type: 'tool-arguments', text },
    { type: 'finish', reason },
  ];

  it.each([
    ['{"order":17}', { order: 17 }],
    ['', {}],
    [' ', {}],
    ['null', {}],
    // JSON text that was written as JSON once more.
    ['"{\\"order\\":17}"', { order: 17 }],
  ])('reads the arguments %j', (text, input) => {
    expect(hasUnreadableInput(calling(text))).toBe(false);
    expect(encoded(calling(text)).content).toEqual([{ type: 'tool_use', id: 'a', name: 'f', input }]);
  });

  it.each(['[1]', '17', '"x"', 'order: 17', '{"order":'])('cannot say the arguments %j, and makes none up', (text) => {
    expect(hasUnreadableInput(calling(text))).toBe(true);
    expect(encoded(calling(text)).content).toEqual([]);
  });

  it('a call that was cut off in its arguments is no call, but those before it are', () => {
    const whole: NeutralEvent[] = [
      { type: 'tool-call', id: 'b', name: 'g' },
      { type: 'tool-arguments', text: '{}' },
    ];
    const events = [...whole, ...calling('{"a":', 'length')];
    expect(hasUnreadableInput(events)).toBe(false);
    expect(encoded(events)).toMatchObject({ content: [{ id: 'b', input: {} }], stop_reason: 'max_tokens' });
    expect(hasUnreadableInput([...calling('{"a":').slice(0, 2), ...calling('{"a":', 'length')])).toBe(true);
  });

  it('says again what a message said', () => {
    const content = [
      { type: 'thinking', thinking: 'hm', signature: 'seal' },
      { type: 'text', text: 'Hi' },
      { type: 'tool_use', id: 'a', name: 'f', input: { x: [1] } },
    ];
    const usage = { input_tokens: 1, output_tokens: 2 };
    const text = JSON.stringify({
      content: [content[0], { type: 'redacted_thinking', data: 'x' }, content[1], content[2]],
      stop_reason: 'tool_use',
      usage,
    });
    const answer = decodeMessagesAnswer(text);
    expect(encoded(answer.kind === 'answer' ? answer.events : [])).toMatchObject({ content, stop_reason: 'tool_use' });
  });
});

describe('MessagesEncoder', () => {
  it('writes the events of the protocol, byte by byte', () => {
    const encoder = new MessagesEncoder(HEAD);
    const before = [
      encoder.accept({ type: 'text', text: 'Grüße' }),
      encoder.accept({ type: 'finish', reason: 'stop' }),
    ].join('');
    const closing = encoder.closing(CHARGED, usd('0.5'));
    const usage = '"input_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":0';
    expect(before + closing).toBe(
      `event: message_start
data: {"type":"message_start","message":{"id":"msg_req_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{${usage}}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Grüße"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"input_tokens":4,"cache_creation_input_tokens":2,"cache_read_input_tokens":3,"output_tokens":1,"cost":"0.5"}}

event: message_stop
data: {"type":"message_stop"}

`,
    );
  });
});
