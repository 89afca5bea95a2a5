import { usd } from '#kernel';
import { DONE_FRAME, errorFrame, KEEP_ALIVE_FRAME } from './make-frames';
import { type ChatStreamOptions, ChatStreamRelay } from './stream-relay';

function relay(options: Partial<ChatStreamOptions> = {}): ChatStreamRelay {
  return new ChatStreamRelay({
    clientModel: 'm',
    includeUsage: false,
    choices: 1,
    fallbackId: 'req_1',
    createdSeconds: 7,
    ...options,
  });
}

function chunk(delta: object, finish: string | null = null, rest: object = {}): string {
  return JSON.stringify({
    id: 'c1',
    object: 'chat.completion.chunk',
    created: 5,
    model: 'm',
    choices: [{ index: 0, delta, finish_reason: finish }],
    ...rest,
  });
}

const charged = { input: 40, cachedInput: 0, cacheWrite: 0, output: 2 };

describe('ChatStreamRelay: what the client gets', () => {
  it('passes a frame on untouched when nothing must change', () => {
    const data = chunk({ content: 'héllo "model":"m"' });
    expect(relay().accept(data)).toBe(`data: ${data}\n\n`);
  });

  it("writes the client's model over the backend's, in whatever way that is spaced", () => {
    const data = chunk({ content: '"model":"up/stream"' }, null, { model: 'up/stream' });
    for (const text of [data, JSON.stringify(JSON.parse(data), null, 1)]) {
      const written = JSON.parse(relay().accept(text).slice('data: '.length));
      expect(written).toEqual({ ...JSON.parse(data), model: 'm' });
    }
  });

  it('holds back a usage chunk, and takes usage off a content chunk', () => {
    const usage = { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 };
    const chat = relay({ includeUsage: true });
    expect(chat.accept(JSON.stringify({ id: 'c1', model: 'm', choices: [], usage }))).toBe('');
    const riding = JSON.parse(chat.accept(chunk({ content: 'x' }, 'stop', { usage })).slice('data: '.length));
    expect(riding).toEqual(JSON.parse(chunk({ content: 'x' }, 'stop')));
  });

  it('drops "usage": null only for clients that did not ask', () => {
    const data = chunk({ content: 'x' }, null, { usage: null });
    expect(relay().accept(data)).toBe(`data: ${chunk({ content: 'x' })}\n\n`);
    expect(relay({ includeUsage: true }).accept(data)).toBe(`data: ${data}\n\n`);
  });

  it('edits wherever model and usage stand', () => {
    const members = { usage: '"usage":null', model: '"model":"up"', id: '"id":"c1"' };
    const choices = '"choices":[{"index":0,"delta":{"content":"x"}}]';
    for (const order of [
      [members.id, members.model, choices, members.usage],
      [choices, members.usage, members.model],
      [members.usage, members.model, choices],
      [`"x":{${members.model}}`, members.model, choices, members.usage],
    ]) {
      const data = `{${order.join(',')}}`;
      const { usage: _, ...kept } = JSON.parse(data);
      expect(JSON.parse(relay().accept(data).slice('data: '.length))).toEqual({ ...kept, model: 'm' });
    }
  });

  it('begins with the first frame that the client gets', () => {
    const chat = relay();
    chat.accept(JSON.stringify({ id: '', choices: [], prompt_filter_results: [] }));
    expect(chat.begun).toBe(false);
    chat.accept(chunk({ role: 'assistant' }));
    expect(chat.begun).toBe(true);
  });

  it('makes a usage chunk from what was charged when the backend reported none', () => {
    const chat = relay({ includeUsage: true });
    chat.accept(chunk({ content: 'x' }, 'stop'));
    expect(JSON.parse(chat.usage(charged, usd('0.5')).slice('data: '.length))).toEqual({
      id: 'c1',
      object: 'chat.completion.chunk',
      created: 5,
      model: 'm',
      choices: [],
      usage: { prompt_tokens: 40, completion_tokens: 2, total_tokens: 42, cost: '0.5' },
    });
  });

  it('sends errors, the end and signs of life as frames of their own', () => {
    expect(JSON.parse(errorFrame('backend_timeout', { requestId: 'req_1' }).slice('data: '.length))).toMatchObject({
      error: { code: 'backend_timeout', type: 'backend_error', request_id: 'req_1' },
    });
    expect(DONE_FRAME).toBe('data: [DONE]\n\n');
    expect(KEEP_ALIVE_FRAME).toBe(': keep-alive\n\n');
  });
});

describe('ChatStreamRelay: how it ended', () => {
  it('is complete after [DONE], and nothing counts after it', () => {
    const chat = relay();
    chat.accept(chunk({ content: 'x' }, 'stop'));
    expect(chat.finished).toBe(true);
    chat.accept('[DONE]');
    expect(chat.ended).toBe(true);
    expect(chat.accept(chunk({ content: 'late' }))).toBe('');
    expect(chat.end()).toEqual({
      kind: 'complete',
      finishReason: 'stop',
      contentAfterFinish: false,
      usage: { kind: 'absent' },
      seen: { textBytes: 1, deltas: 1 },
    });
  });

  it('is complete without [DONE] once every choice has finished', () => {
    const chat = relay({ choices: 2 });
    chat.accept(chunk({ content: 'x' }, 'stop'));
    expect(chat.end()).toMatchObject({ kind: 'cut', openChoices: [1] });
  });

  it('tells of content after the finish, and counts it', () => {
    const chat = relay();
    chat.accept(chunk({}, 'stop'));
    chat.accept(chunk({ content: 'more' }));
    expect(chat.end()).toMatchObject({ kind: 'complete', contentAfterFinish: true, seen: { textBytes: 4 } });
  });

  it('is cut when it stops in the middle', () => {
    const chat = relay();
    chat.accept(chunk({ content: 'x' }));
    expect(chat.end()).toMatchObject({ kind: 'cut', openChoices: [0], seen: { textBytes: 1, deltas: 1 } });
  });

  it.each([
    ['{"id":', 'invalid-json'],
    ['[1]', 'not-an-answer'],
    ['{"choices":3}', 'not-an-answer'],
    ['{"choices":[null]}', 'not-an-answer'],
  ])('%s is garbage', (data, reason) => {
    const chat = relay();
    expect(chat.accept(data)).toBe('');
    expect(chat.end()).toMatchObject({ kind: 'garbage', reason });
  });

  it('[DONE] without a finish is a cut, unless the backend has counted the whole', () => {
    const usage = { usage: { prompt_tokens: 3, completion_tokens: 2 } };
    for (const [rest, kind] of [
      [{}, 'cut'],
      [usage, 'complete'],
    ] as const) {
      const chat = relay();
      chat.accept(chunk({ content: 'x' }, null, rest));
      chat.accept('[DONE]');
      expect(chat.end().kind).toBe(kind);
    }
  });

  it('[DONE] alone is an empty answer', () => {
    const chat = relay();
    chat.accept('[DONE]');
    expect(chat.end()).toMatchObject({ kind: 'garbage', reason: 'empty-answer' });
  });

  it('half a frame at the end is garbage, a whole one without its blank line is not', () => {
    const half = relay();
    half.accept(chunk({ content: 'x' }));
    expect(half.end({ data: '{"id":"c1","cho', event: '' })).toMatchObject({ kind: 'garbage', reason: 'half-frame' });
    const whole = relay();
    whole.accept(chunk({ content: 'x' }, 'stop'));
    expect(whole.end({ data: '[DONE]', event: '' })).toMatchObject({ kind: 'complete' });
  });

  it.each([
    [{ error: { message: 'overloaded', type: 'server_error', code: 503 } }, { message: 'overloaded', code: '503' }],
    [{ error: 'out of memory' }, { message: 'out of memory' }],
    [
      { object: 'error', message: 'no', code: 40303 },
      { message: 'no', code: '40303' },
    ],
  ])('an error frame %j ends it', (frame, error) => {
    const chat = relay();
    expect(chat.accept(JSON.stringify(frame))).toBe('');
    expect(chat.ended).toBe(true);
    expect(chat.end()).toMatchObject({ kind: 'backend-error', error });
  });

  it('a count on the way is the last word only where nothing is generated after it', () => {
    const counted = (...completion_tokens: (number | undefined)[]) => {
      const chat = relay();
      for (const tokens of completion_tokens)
        chat.accept(chunk({ content: 'word' }, null, tokens === undefined ? {} : { usage: usageOf(tokens) }));
      chat.accept(chunk({}, 'stop'));
      return chat.end().usage;
    };
    const usageOf = (completion_tokens: number) => ({ prompt_tokens: 3, completion_tokens });
    expect(counted(1, 2, 3)).toMatchObject({ kind: 'reported', usage: { output: 3 } });
    // Its input is known all the same.
    const input = { input: 3, cachedInput: 0, cacheWrite: 0 };
    expect(counted(1, undefined, undefined)).toEqual({ kind: 'absent', input });
  });

  it('usage that cannot be is not taken as reported', () => {
    const absurd = (usage: object) => {
      const chat = relay();
      chat.accept(chunk({ content: 'words' }, 'stop', { usage }));
      return chat.end().usage.kind;
    };
    expect(absurd({ prompt_tokens: 3, completion_tokens: -1 })).toBe('absurd');
    expect(absurd({ prompt_tokens: 3, completion_tokens: 0 })).toBe('absurd');
    expect(absurd({ prompt_tokens: 0, completion_tokens: 5 })).toBe('absurd');
    expect(absurd({ prompt_tokens: 3, completion_tokens: 5 })).toBe('reported');
  });

  it('counts content, refusals, reasoning once, and tool calls', () => {
    const chat = relay();
    chat.accept(chunk({ reasoning_content: 'abc', reasoning: 'abc' }));
    chat.accept(chunk({ refusal: 'no' }));
    chat.accept(chunk({ content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'hm' }] }] }));
    chat.accept(chunk({ tool_calls: [{ index: 0, function: { name: 'f', arguments: '{}' } }] }));
    chat.accept(chunk({ role: 'assistant', content: '' }));
    expect(chat.end().seen).toEqual({ textBytes: 3 + 2 + 2 + 3, deltas: 4 });
  });
});

describe('ChatStreamRelay: legal frames that are no part of the answer', () => {
  it.each([
    ['ping', 'ping'],
    ['any text at all: 1', 'keepalive'],
    ['OPENROUTER PROCESSING', ''],
    ['keep-alive', 'message'],
    ['{"type":"ping"}', 'ping'],
    ['{"type":"ping"}', ''],
    ['{"choices":null}', ''],
  ])('%j of the event %j is neither passed on nor the end', (data, event) => {
    const chat = relay({ includeUsage: true });
    for (const content of ['a', 'b']) {
      expect(chat.accept(data, event)).toBe('');
      expect(chat.accept(chunk({ content }))).not.toBe('');
    }
    chat.accept(chunk({}, 'stop'));
    expect(chat.end()).toMatchObject({ kind: 'complete', seen: { textBytes: 2 } });
  });

  it.each([
    ['{oops', 'ping'],
    ['[1', ''],
    ['12', ''],
  ])('%j of the event %j is a broken piece of it', (data, event) => {
    const chat = relay();
    chat.accept(data, event);
    expect(chat.end().kind).toBe('garbage');
  });

  it.each([
    ['busy, come back later', { message: 'busy, come back later' }],
    ['{"message":"busy"}', { message: 'busy' }],
    ['{"error":{"message":"busy","code":503}}', { message: 'busy', code: '503' }],
  ])('an event named error with %j is one', (data, error) => {
    const chat = relay();
    chat.accept(chunk({ content: 'a' }));
    chat.accept(data, 'error');
    expect(chat.end()).toMatchObject({ kind: 'backend-error', error });
  });

  it('an error that says nothing beside an answer is none', () => {
    const chat = relay();
    for (const error of [{}, '', null, false, { code: null, message: '' }])
      chat.accept(chunk({ content: 'a' }, null, { error }));
    chat.accept(chunk({}, 'stop', { error: {} }));
    expect(chat.end()).toMatchObject({ kind: 'complete', seen: { textBytes: 5 } });
  });
});

describe('ChatStreamRelay: an answer that has finished stays so', () => {
  const usage = { prompt_tokens: 3, completion_tokens: 1 };

  it.each([
    ['{oops', ''],
    ['[1]', ''],
    ['{"choices":3}', ''],
    ['{"error":{"message":"late"}}', ''],
    ['late', 'error'],
    ['  [DONE] ', ''],
  ])('after %j', (data, event) => {
    const chat = relay();
    chat.accept(chunk({ content: 'x' }, 'stop', { usage }));
    expect(chat.accept(data, event)).toBe('');
    expect(chat.end()).toMatchObject({ kind: 'complete', usage: { kind: 'reported', usage: { output: 1 } } });
  });

  it('and its usage may come after the oddity', () => {
    const chat = relay();
    chat.accept(chunk({ content: 'x' }, 'stop'));
    chat.accept('{oops');
    chat.accept(JSON.stringify({ id: 'c1', choices: [], usage }));
    expect(chat.end()).toMatchObject({ kind: 'complete', usage: { kind: 'reported' } });
  });

  it('when its bytes can no longer be cut, or end in half a frame', () => {
    for (const spoil of [
      (chat: ChatStreamRelay) => chat.reject('frame-too-large'),
      (chat: ChatStreamRelay) => chat.end({ data: '{"id":', event: '' }),
    ]) {
      const chat = relay();
      chat.accept(chunk({ content: 'x' }, 'stop'));
      spoil(chat);
      expect(chat.end().kind).toBe('complete');
    }
  });
});
