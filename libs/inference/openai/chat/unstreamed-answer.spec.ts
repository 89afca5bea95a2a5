import { usd } from '#kernel';
import { readChatAnswer, renderChatAnswer } from './unstreamed-answer';

const answer = {
  id: 'c1',
  object: 'chat.completion',
  created: 5,
  model: 'up-1',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Grüße' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 },
  system_fingerprint: 'fp',
};

const charged = { input: 50, cachedInput: 0, cacheWrite: 0, output: 4 };

function rendered(body: object) {
  const read = readChatAnswer(JSON.stringify(body));
  if (read.kind !== 'answer') throw new Error(read.kind);
  return JSON.parse(renderChatAnswer(read, { clientModel: 'house/m', charged, cost: usd('0.25') }));
}

describe('readChatAnswer', () => {
  it('learns usage, output and finish', () => {
    expect(readChatAnswer(JSON.stringify(answer))).toMatchObject({
      kind: 'answer',
      usage: { kind: 'reported', usage: { input: 9, output: 3 } },
      seen: { textBytes: 7, deltas: 0 },
      finishReason: 'stop',
    });
  });

  it.each([
    ['<html>', 'invalid-json'],
    ['', 'invalid-json'],
    ['"text"', 'not-an-answer'],
    ['{}', 'not-an-answer'],
    ['{"choices":[]}', 'empty-answer'],
    ['{"choices":[{"index":0}]}', 'not-an-answer'],
  ])('%j is garbage', (text, reason) => {
    expect(readChatAnswer(text)).toEqual({ kind: 'garbage', reason });
  });

  it('finds an error behind a good status', () => {
    expect(readChatAnswer('{"error":{"message":"no","code":"x"}}')).toEqual({
      kind: 'backend-error',
      error: { message: 'no', code: 'x' },
    });
  });
});

describe('renderChatAnswer', () => {
  it("is the backend's answer with the client's model and the cost as a decimal string", () => {
    expect(rendered(answer)).toEqual({ ...answer, model: 'house/m', usage: { ...answer.usage, cost: '0.25' } });
  });

  it.each([
    ['absent', undefined],
    ['absurd', { prompt_tokens: -1, completion_tokens: 1 }],
  ])('shows what was charged when usage is %s', (_name, usage) => {
    expect(rendered({ ...answer, usage }).usage).toEqual({
      prompt_tokens: 50,
      completion_tokens: 4,
      total_tokens: 54,
      cost: '0.25',
    });
  });
});
