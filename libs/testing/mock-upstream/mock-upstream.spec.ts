import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type MockPlan, MockUpstream, modelFor } from '.';

describe('the mock upstream', () => {
  let upstream: MockUpstream;
  let directory: string;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'aiaas-mock-'));
    upstream = await MockUpstream.start({ logFile: join(directory, 'calls.jsonl') });
  });
  beforeEach(() => upstream.clear());
  afterAll(async () => {
    await upstream.close();
    rmSync(directory, { recursive: true });
  });

  function post(body: object, path = '/chat/completions'): Promise<Response> {
    const headers = { 'content-type': 'application/json' };
    return fetch(`${upstream.baseUrl}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  }

  function chat(plan: Partial<MockPlan>, rest: object = {}): Promise<Response> {
    return post({ model: modelFor(plan), messages: [], ...rest });
  }

  async function dataOf(response: Response): Promise<string[]> {
    const text = await response.text();
    return text.split(/\r?\n\r?\n/).filter((line) => line !== '');
  }

  it('answers a chat with its usage, and keeps the request', async () => {
    const response = await chat({ chunks: 4, promptTokens: 7 }, { user: 'marker-a1' });
    expect(await response.json()).toMatchObject({
      choices: [{ message: { content: 'word word word word ' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 7, completion_tokens: 4, total_tokens: 11 },
    });
    const call = await upstream.callWith('marker-a1');
    expect(call).toMatchObject({ path: '/v1/chat/completions', marker: 'marker-a1', body: { user: 'marker-a1' } });
    expect(await call.ended).toBe(true);
  });

  it('honours a cap', async () => {
    const response = await chat({ chunks: 4 }, { max_tokens: 2 });
    expect(await response.json()).toMatchObject({
      choices: [{ finish_reason: 'length' }],
      usage: { completion_tokens: 2 },
    });
  });

  it('streams chunks, the usage that was asked for, and [DONE]', async () => {
    const asked = { stream: true, stream_options: { include_usage: true } };
    const frames = await dataOf(await chat({ chunks: 2 }, asked));
    expect(frames).toHaveLength(5);
    expect(frames[3]).toContain('"completion_tokens":2');
    expect(frames[4]).toBe('data: [DONE]');
    expect(await dataOf(await chat({ chunks: 2, crlf: true }, { stream: true }))).toHaveLength(4);
  });

  it('answers errors in the shape of OpenAI', async () => {
    const response = await chat({ status: 429, retryAfter: '3', code: 'slow_down' });
    expect(response.status).toBe(429);
    expect(response.headers.get('retry-after')).toBe('3');
    expect(await response.json()).toMatchObject({ error: { code: 'slow_down' } });
  });

  it('breaks a stream in every way it is told to', async () => {
    const broken = (ending: MockPlan['ending']) =>
      chat({ ending, endAfter: 1 }, { stream: true }).then((response) => response.text());
    await expect(broken('reset')).rejects.toThrow();
    await expect(broken('cut')).rejects.toThrow();
    await expect(broken('cut-in-frame')).rejects.toThrow();
    await expect(broken('no-done')).rejects.toThrow();
    expect(await broken('half-frame')).not.toMatch(/\n\n$/);
    expect(await broken('garbage')).toContain('data: {not');
    expect(await broken('page')).toContain('<html>');
    expect(await broken('error-frame')).toContain('"error"');
  });

  it('waits where it is told to, until it may go on', async () => {
    const paused = await chat({ pauseAfter: 1, chunks: 2 }, { stream: true });
    const reader = paused.body?.getReader();
    const first = await reader?.read();
    expect(new TextDecoder().decode(first?.value)).toContain('word');
    upstream.resume();
    const rest: string[] = [];
    for (let read = await reader?.read(); read?.done === false; read = await reader?.read())
      rest.push(new TextDecoder().decode(read.value));
    expect(rest.join('')).toContain('[DONE]');
  });

  it('takes scripted plans before what the model says', async () => {
    upstream.script({ status: 500 });
    expect((await chat({})).status).toBe(500);
    expect((await chat({})).status).toBe(200);
  });

  it('embeds and completes', async () => {
    const embedded = await post({ model: 'mock', input: ['a', 'b'] }, '/embeddings');
    expect(await embedded.json()).toMatchObject({ data: [{ embedding: [0.5, -0.25, 0.125] }, { index: 1 }] });
    const completed = await post({ model: 'mock', prompt: 'a' }, '/completions');
    expect(await completed.json()).toMatchObject({ choices: [{ text: 'word word word ' }] });
  });

  it('refuses a misspelt setting', async () => {
    const response = await post({ model: 'mock?chunk=3', messages: [] });
    expect(response.status).toBe(501);
    expect(await response.text()).toContain('no setting chunk');
  });

  it('writes one line per call, before it answers', async () => {
    await chat({}, { user: 'marker-log' });
    const lines = readFileSync(join(directory, 'calls.jsonl'), 'utf8').trim().split('\n');
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ marker: 'marker-log', path: '/v1/chat/completions' });
    expect(lines).toHaveLength(upstream.callCount);
  });
});
