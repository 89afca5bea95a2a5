import { withCost } from './kept-answer';

describe('an answer that is given again at another cost', () => {
  it.each([
    [
      'a chat',
      '{"usage":{"p":1,"cost":"0.5"},"choices":[{"x":{"cost":"1"}}]}',
      '{"usage":{"p":1,"cost":"0.1"},"choices":[{"x":{"cost":"1"}}]}',
    ],
    [
      'a message',
      '{"usage":{"cost":"0.5"},"content":[{"input":{"cost":"7"}}],"n":1.0}',
      '{"usage":{"cost":"0.1"},"content":[{"input":{"cost":"7"}}],"n":1.0}',
    ],
    [
      'the platform’s own',
      '{"usage":{"cost_usd":"0.5","latency_ms":3}}',
      '{"usage":{"cost_usd":"0.1","latency_ms":3}}',
    ],
    ['one without a cost', '{"a":1}', '{"a":1}'],
  ])('%s', (_what, text, expected) => {
    expect(withCost(text, '0.1')).toBe(expected);
  });

  it.each([
    [
      'a chat',
      'data: {"choices":[{"delta":{"content":"\\"cost\\":\\"9\\""}}]}\n\ndata: {"usage":{"cost":"0.5"}}\n\ndata: [DONE]\n\n',
      'data: {"choices":[{"delta":{"content":"\\"cost\\":\\"9\\""}}]}\n\ndata: {"usage":{"cost":"0.1"}}\n\ndata: [DONE]\n\n',
    ],
    [
      'messages',
      'event: message_delta\ndata: {"type":"message_delta","usage":{"cost":"0.5"},"more":{"cost":"3"}}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n',
      'event: message_delta\ndata: {"type":"message_delta","usage":{"cost":"0.1"},"more":{"cost":"3"}}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n',
    ],
    [
      'a response',
      'event: response.completed\ndata: {"response":{"tools":[{"cost":"3"}],"usage":{"cost":"0.5"},"output":[{"cost":"4"}]}}\n\n',
      'event: response.completed\ndata: {"response":{"tools":[{"cost":"3"}],"usage":{"cost":"0.1"},"output":[{"cost":"4"}]}}\n\n',
    ],
    ['one without usage', 'data: {"choices":[]}\n\ndata: [DONE]\n\n', 'data: {"choices":[]}\n\ndata: [DONE]\n\n'],
  ])('the stream of %s', (_what, text, expected) => {
    expect(withCost(text, '0.1')).toBe(expected);
  });
});
