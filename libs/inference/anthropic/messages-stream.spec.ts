import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { usd } from '#kernel';
import { MessagesStream } from './messages-stream';

const CORPUS = join(__dirname, 'corpus');
const files = readdirSync(CORPUS);
const COST = usd('0.25');
const CHARGED = { input: 40, cachedInput: 0, cacheWrite: 0, output: 2 };

function play(bytes: Uint8Array, at = 0) {
  const stream = new MessagesStream({ clientModel: 'house/m' });
  const text = stream.push(bytes.subarray(0, at)) + stream.push(bytes.subarray(at));
  return { text, outcome: stream.end(true), closing: stream.closing(CHARGED, COST) };
}

function eventsOf(text: string) {
  return text
    .split('\n\n')
    .filter((frame) => frame !== '')
    .map((frame) => {
      const [event, data] = frame.split('\n');
      const value = JSON.parse(data?.replace(/^data: /, '') ?? '');
      expect(event).toBe(`event: ${value.type}`);
      return value;
    });
}

function bytesOf(...events: object[]): Buffer {
  return Buffer.from(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(''));
}

describe.each(files)('the stream of %s', (name) => {
  const bytes = readFileSync(join(CORPUS, name));

  it('does not depend on where the network cuts it', () => {
    const whole = play(bytes);
    for (let at = 1; at < bytes.length; at += 1) expect(play(bytes, at)).toEqual(whole);
  });

  it('holds back the end of the message and what it cost', () => {
    const { text, closing } = play(bytes);
    const types = eventsOf(text).map(({ type }) => type);
    expect(types[0]).toBe('message_start');
    expect(types).toContain('ping');
    expect(types).not.toContain('message_delta');
    expect(types).not.toContain('message_stop');
    expect(eventsOf(closing).map(({ type }) => type)).toEqual(['message_delta', 'message_stop']);
  });

  it("shows the client's model", () => {
    expect(eventsOf(play(bytes).text)[0].message.model).toBe('house/m');
  });
});

describe('what a stream reports', () => {
  it('reads the counts of its end over those of its start, in disjoint buckets', () => {
    const { outcome, closing } = play(readFileSync(join(CORPUS, 'text.txt')));
    expect(outcome).toMatchObject({
      kind: 'complete',
      finishReason: 'end_turn',
      usage: { kind: 'reported', usage: { input: 25, cachedInput: 7, cacheWrite: 10, output: 15 } },
      seen: { textBytes: 12, deltas: 2 },
    });
    expect(eventsOf(closing)[0]).toMatchObject({
      delta: { stop_reason: 'end_turn', stop_sequence: null },
      usage: { input_tokens: 25, cache_read_input_tokens: 7, output_tokens: 15, cost: '0.25' },
    });
  });

  it('counts thinking, text, names and arguments of tools, but no signature; thinking is shown in part only', () => {
    const { outcome } = play(readFileSync(join(CORPUS, 'thinking-tools.txt')));
    expect(outcome.seen).toEqual({ textBytes: 10 + 12 + 11 + 19 + 3, deltas: 6, isPartial: true });
  });
});

describe('how a stream ends', () => {
  const start = {
    type: 'message_start',
    message: { id: 'msg_1', model: 'up', content: [], usage: { input_tokens: 3 } },
  };
  const delta = { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'abc' } };
  const stopped = { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 2 } };

  it('is complete once it has its stop reason, even if its last event is missing', () => {
    expect(play(bytesOf(start, delta, stopped)).outcome).toMatchObject({
      kind: 'complete',
      usage: { kind: 'reported', usage: { input: 3, output: 2 } },
    });
  });

  it('shows what was charged when nothing was reported', () => {
    const { outcome, closing } = play(bytesOf(start, delta, { type: 'message_stop' }));
    expect(outcome).toMatchObject({ kind: 'complete', usage: { kind: 'absent' } });
    expect(eventsOf(closing)[0].usage).toEqual({
      input_tokens: 40,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 0,
      output_tokens: 2,
      cost: '0.25',
    });
  });

  it('is cut without a stop reason; of its first counts only that of the input is the last word', () => {
    expect(play(bytesOf(start, delta)).outcome).toMatchObject({
      kind: 'cut',
      usage: { kind: 'absent', input: { input: 3, cachedInput: 0, cacheWrite: 0 } },
      seen: { textBytes: 3, deltas: 1 },
    });
  });

  it('passes events on that it does not know', () => {
    const { text } = play(bytesOf(start, { type: 'content_block_note', note: 1 }));
    expect(eventsOf(text)[1]).toEqual({ type: 'content_block_note', note: 1 });
  });

  it('keeps a ping before the answer to itself: it would commit the status', () => {
    expect(play(bytesOf({ type: 'ping' })).text).toBe('');
  });

  it('a usage without a count of the output is no report: the first count is that of the beginning', () => {
    const begun = { ...start, message: { ...start.message, usage: { input_tokens: 3, output_tokens: 1 } } };
    for (const usage of [{}, { input_tokens: 3 }, { output_tokens: null }])
      expect(play(bytesOf(begun, delta, { ...stopped, usage })).outcome.usage.kind).toBe('absent');
  });

  it('absurd usage is not taken as reported', () => {
    for (const usage of [{ output_tokens: -1 }, { output_tokens: 0 }, { output_tokens: 'many' }])
      expect(play(bytesOf(start, delta, { ...stopped, usage })).outcome.usage.kind).toBe('absurd');
  });

  it.each([
    ['data: [DONE]\n\n'],
    ['data:  [DONE] \n\n'],
    ['data: {oops\n\n'],
    ['event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"late"}}\n\n'],
    ['data: {"type":"content_bl'],
    [`data: ${'x'.repeat(5 * 1024 * 1024)}`],
  ])('stays complete once it has its stop reason, whatever follows: %.40j', (odd) => {
    const { outcome } = play(Buffer.concat([bytesOf(start, delta, stopped), Buffer.from(odd)]));
    expect(outcome).toMatchObject({ kind: 'complete', usage: { kind: 'reported', usage: { input: 3, output: 2 } } });
  });

  it.each([
    ['data:\n\n'],
    ['event: ping\ndata: ping\n\n'],
    ['event: keepalive\ndata: any: text\n\n'],
    ['x-note: 1\nretry: 5\n\n'],
    ['data: {"type":"ping"}\n\n'],
  ])('goes on after a frame that is no part of it: %j', (odd) => {
    const bytes = [Buffer.from(odd), bytesOf(start), Buffer.from(odd), bytesOf(delta, stopped)];
    expect(play(Buffer.concat(bytes)).outcome).toMatchObject({ kind: 'complete', seen: { textBytes: 3, deltas: 1 } });
  });

  it('takes the name of the event for a type that its data lacks, and writes it there', () => {
    const { type: _, ...nameless } = delta;
    const frame = `event: content_block_delta\ndata: ${JSON.stringify(nameless)}\n\n`;
    const { text, outcome } = play(Buffer.concat([bytesOf(start), Buffer.from(frame), bytesOf(stopped)]));
    expect(eventsOf(text)[1]).toEqual(delta);
    expect(outcome.kind).toBe('complete');
  });

  it.each([
    [
      'an error',
      [start, { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }],
      'backend-error',
    ],
    ['no type', [{}], 'garbage'],
    ['a block before the message', [delta], 'garbage'],
    ['an end without a message', [{ type: 'message_stop' }], 'garbage'],
  ])('%s', (_name, events, kind) => {
    expect(play(bytesOf(...events)).outcome.kind).toBe(kind);
  });

  it('half a frame is garbage', () => {
    const bytes = Buffer.concat([bytesOf(start), Buffer.from('data: {"type":"content_bl')]);
    expect(play(bytes).outcome).toMatchObject({ kind: 'garbage', reason: 'half-frame' });
  });
});
