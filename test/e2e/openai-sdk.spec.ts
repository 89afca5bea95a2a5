import OpenAI from 'openai';
import { read } from './support/answers';
import { chatBody, eventOf, type Tenant } from './support/tenant';
import { World } from './support/world';

const MESSAGES = [{ role: 'user' as const, content: 'How are you?' }];

describe('the official OpenAI client', () => {
  let world: World;
  let tenant: Tenant;
  let model: string;

  beforeAll(async () => {
    world = await World.open();
    [tenant, model] = await Promise.all([world.tenant(), world.model()]);
  });
  afterAll(() => world.close());

  /** Upstream calls that a piece of work makes. */
  async function upstreamCallsOf(work: () => Promise<unknown>): Promise<number> {
    const before = world.upstream.callCount;
    await work();
    return world.upstream.callCount - before;
  }

  it('gets an answer with its usage and its cost', async () => {
    const { data, response } = await tenant
      .openai()
      .chat.completions.create({ model, messages: MESSAGES })
      .withResponse();
    expect(data.model).toBe(model);
    expect(data.choices[0]?.message.content).toBe('word word word ');
    expect(data.usage).toMatchObject({ prompt_tokens: 10, completion_tokens: 3, cost: '0.000016' });
    expect(response.headers.get('x-call-cost')).toBe('0.000016');
  });

  it('reads a stream to its end', async () => {
    const stream = await tenant.openai().chat.completions.create({ model, messages: MESSAGES, stream: true });
    let text = '';
    let finish: string | null | undefined;
    for await (const chunk of stream) {
      expect(chunk.model).toBe(model);
      text += chunk.choices[0]?.delta.content ?? '';
      finish = chunk.choices[0]?.finish_reason ?? finish;
      // It was not asked for, and some clients take a chunk without choices for the end.
      expect(chunk.choices).not.toHaveLength(0);
      expect(chunk.usage).toBeUndefined();
    }
    expect([text, finish]).toEqual(['word word word ', 'stop']);
  });

  it('gets the usage of a stream when it asks for it', async () => {
    const options = { stream: true, stream_options: { include_usage: true } } as const;
    const stream = await tenant.openai().chat.completions.create({ model, messages: MESSAGES, ...options });
    let usage: unknown;
    for await (const chunk of stream) usage = chunk.usage ?? usage;
    expect(usage).toMatchObject({ prompt_tokens: 10, completion_tokens: 3, cost: '0.000016' });
  });

  it('gathers a stream with its helper', async () => {
    const runner = tenant.openai().chat.completions.stream({ model, messages: MESSAGES });
    expect(await runner.finalContent()).toBe('word word word ');
    expect((await runner.finalChatCompletion()).choices[0]?.finish_reason).toBe('stop');
  });

  it('completes prompts and embeds texts, in both formats', async () => {
    const completions = await world.model({}, { kind: 'completion' });
    const completed = await tenant.openai().completions.create({ model: completions, prompt: 'Once', max_tokens: 20 });
    expect(completed.choices[0]?.text).toBe('word word word ');
    const embeddings = await world.model({}, { kind: 'embedding' });
    for (const encoding_format of ['float', 'base64', undefined] as const) {
      const { data } = await tenant.openai().embeddings.create({
        model: embeddings,
        input: ['first text', 'second text'],
        ...(encoding_format && { encoding_format }),
      });
      const values = data.map(({ embedding }) =>
        typeof embedding === 'string'
          ? [...new Float32Array(Uint8Array.from(Buffer.from(embedding, 'base64')).buffer)]
          : embedding,
      );
      expect(values).toEqual([
        [0.5, -0.25, 0.125],
        [1.5, -0.25, 0.125],
      ]);
    }
  });

  it('lists models and retrieves one whose id has a slash', async () => {
    const listed = await tenant.openai().models.list();
    expect(listed.data.map(({ id }) => id)).toContain(model);
    expect(model).toContain('/');
    expect(await tenant.openai().models.retrieve(model)).toMatchObject({ id: model, object: 'model' });
    const raw = await read(await tenant.fetch(`/models/${model}`));
    expect(raw.status).toBe(200);
    await expect(tenant.openai().models.retrieve('no/such')).rejects.toBeInstanceOf(OpenAI.NotFoundError);
  });

  describe('and its errors', () => {
    it('have their types and codes', async () => {
      const client = tenant.openai();
      const create = (body: object) =>
        client.chat.completions.create({ model, messages: MESSAGES, ...body } as never) as Promise<unknown>;
      await expect(create({ model: 'nobody/knows' })).rejects.toMatchObject({
        constructor: OpenAI.NotFoundError,
        code: 'model_not_found',
        param: 'model',
        requestID: expect.stringMatching(/^req_/),
      });
      await expect(create({ messages: [] })).rejects.toBeInstanceOf(OpenAI.BadRequestError);
      const stranger = tenant.openai({ apiKey: 'aiaas_live_nonsense' });
      await expect(stranger.models.list()).rejects.toBeInstanceOf(OpenAI.AuthenticationError);
      const limited = await world.tenant({ key: { models: ['another/model'] } });
      await expect(limited.openai().chat.completions.create({ model, messages: MESSAGES })).rejects.toBeInstanceOf(
        OpenAI.PermissionDeniedError,
      );
    });

    it('reach the reader of a stream', async () => {
      const broken = await world.model({ ending: 'cut', endAfter: 1 });
      const stream = await tenant.openai().chat.completions.create({ model: broken, messages: MESSAGES, stream: true });
      const reading = (async () => {
        for await (const _chunk of stream);
      })();
      await expect(reading).rejects.toMatchObject({ code: 'backend_interrupted' });
    });
  });

  describe('with its automatic retries', () => {
    it('waits as it is told and gets through', async () => {
      const busy = await world.model({}, {});
      const startedAt = performance.now();
      const calls = await upstreamCallsOf(async () => {
        world.upstream.script({ status: 429, retryAfter: '1' });
        const client = tenant.openai({ maxRetries: 2 });
        const { choices } = await client.chat.completions.create({ model: busy, messages: MESSAGES });
        expect(choices).toHaveLength(1);
      });
      expect(calls).toBe(2);
      expect(performance.now() - startedAt).toBeGreaterThanOrEqual(1_000);
    });

    it.each([
      ['a misconfigured backend', { status: 401 }],
      ['a failure that may have been billed', { status: 502 }],
      ['an answer that makes no sense', { ending: 'garbage', endAfter: 0 }],
    ] as const)('does not repeat %s', async (_what, plan) => {
      const failing = await world.model(plan);
      const calls = await upstreamCallsOf(async () => {
        const client = tenant.openai({ maxRetries: 3 });
        await expect(client.chat.completions.create({ model: failing, messages: MESSAGES })).rejects.toBeInstanceOf(
          OpenAI.APIError,
        );
      });
      expect(calls).toBe(1);
    });

    it('does not repeat a call that no budget has room for', async () => {
      const poor = await world.tenant({ limit: '0.000001' });
      const calls = await upstreamCallsOf(async () => {
        const client = poor.openai({ maxRetries: 3 });
        await expect(
          client.chat.completions.create({ model, messages: MESSAGES, max_tokens: 100 }),
        ).rejects.toMatchObject({ status: 402, code: 'budget_exhausted' });
      });
      expect(calls).toBe(0);
      const refusals = (await world.platform.ledgerEvents(poor.orgId)).filter(
        ({ event }) => event.type === 'InferenceRefused',
      );
      expect(refusals).toHaveLength(1);
    });
  });

  describe('what the headers say', () => {
    it('names the call, its cost, its route and the limits', async () => {
      const answer = await tenant.post('/chat/completions', chatBody(model), { 'x-client-request-id': 'mine-1' });
      expect(Object.fromEntries(answer.headers)).toMatchObject({
        'content-type': expect.stringMatching(/^application\/json/),
        'x-request-id': expect.stringMatching(/^req_/),
        'x-client-request-id': 'mine-1',
        'x-upstream-request-id': 'upstream-request',
        'x-routing-backend': expect.stringMatching(/^backend-/),
        'x-routing-decision': 'primary',
        'x-call-cost': '0.000016',
        'x-ratelimit-limit-requests': '60000',
        'x-ratelimit-remaining-requests': expect.stringMatching(/^\d+$/),
        'x-ratelimit-reset-requests': expect.stringMatching(/^(?:\d+h)?(?:\d+m)?(?:\d+s|\d+ms)$/),
        'x-ratelimit-limit': '60000',
        'x-ratelimit-reset': expect.stringMatching(/^\d+$/),
      });
      expect(answer.headers.has('x-output-cap')).toBe(false);
      for (const name of ['openai-organization', 'set-cookie', 'x-powered-by'])
        expect(answer.headers.has(name)).toBe(false);
      const authorized = eventOf(await tenant.recorded(answer.requestId), 'InferenceAuthorized');
      expect(authorized.clientRequestId).toBe('mine-1');
    });

    it("shows the platform's cap where the client sent none, and writes it upstream", async () => {
      const answer = await tenant.chat(model, { max_tokens: undefined, user: 'marker-cap' });
      const cap = Number(answer.headers.get('x-output-cap'));
      expect(cap).toBeGreaterThan(0);
      const call = await world.upstream.callWith('marker-cap');
      expect(call.body.max_tokens).toBe(cap);
    });

    it('marks a stream so that nothing between buffers or changes it', async () => {
      const answer = await tenant.chat(model, { stream: true }, { 'accept-encoding': 'gzip, br' });
      expect(Object.fromEntries(answer.headers)).toMatchObject({
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store, no-transform',
        'x-accel-buffering': 'no',
        'x-routing-decision': 'primary',
      });
      expect(answer.headers.has('content-encoding')).toBe(false);
      expect(answer.text).not.toMatch(/^(?:event|id|retry):/m);
    });

    it('sends the backend only what it needs to know', async () => {
      const headers = {
        'openai-organization': 'org-client',
        'openai-project': 'proj-client',
        cookie: 'client=1',
        'x-forwarded-for': '10.1.1.1',
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      };
      await tenant.chat(model, { user: 'marker-headers' }, headers);
      const call = await world.upstream.callWith('marker-headers');
      expect(Object.keys(call.headers).sort()).toEqual([
        'accept',
        'accept-encoding',
        'connection',
        'content-length',
        'content-type',
        'host',
        'traceparent',
        'user-agent',
      ]);
      expect(call.headers['accept-encoding']).toBe('identity');
    });
  });
});
