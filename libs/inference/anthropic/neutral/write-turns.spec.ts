import { carry, type NeutralAssistantPart, type NeutralTurn, type NeutralUserPart } from '../../neutral';
import { writeMessages } from './write-turns';

function written(...turns: NeutralTurn[]) {
  return carry((carrying) => writeMessages(turns, carrying));
}

const user = (...parts: NeutralUserPart[]): NeutralTurn => ({ role: 'user', path: 'messages[0]', parts });
const says = (text: string): NeutralTurn => user({ type: 'text', text });
const calls = (text: string): NeutralTurn => {
  const part: NeutralAssistantPart = { type: 'tool-call', id: 't', name: 'f', arguments: text };
  return { role: 'assistant', path: 'messages[1]', parts: [{ type: 'text', text: ' \n' }, part] };
};

describe('writeMessages', () => {
  it('leaves out blank texts, which say nothing and which the backend refuses', () => {
    const turns: NeutralTurn[] = [
      { role: 'system', path: 'messages[0]', text: ' ' },
      says('go'),
      calls('{}'),
      { role: 'tool', path: 'messages[2]', callId: 't', parts: [{ type: 'text', text: ' ' }] },
      says('\n'),
      { role: 'assistant', path: 'messages[4]', parts: [{ type: 'text', text: '\t' }] },
      user(),
    ];
    expect(written(...turns)).toEqual({
      ok: true,
      value: {
        system: '',
        messages: [
          { role: 'user', content: [{ type: 'text', text: 'go' }] },
          { role: 'assistant', content: [{ type: 'tool_use', id: 't', name: 'f', input: {} }] },
          { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', content: [] }] },
        ],
      },
    });
  });

  it('refuses a conversation of which nothing is left', () => {
    expect(written(says(' '))).toMatchObject({ ok: false, refusal: { code: 'invalid_value', param: 'messages[0]' } });
    expect(written()).toMatchObject({ ok: false });
  });

  it.each(['', ' ', 'null', '{}'])('old arguments %j are none', (text) => {
    expect(written(says('go'), calls(text))).toMatchObject({
      ok: true,
      value: { messages: [{}, { content: [{ type: 'tool_use', input: {} }] }] },
    });
  });

  it.each(['[1]', '1', 'x', '"x"'])('old arguments %j cannot be carried over', (text) => {
    expect(written(says('go'), calls(text))).toMatchObject({ ok: false, refusal: { code: 'invalid_value' } });
  });
});
