import { type AIMessageChunk, HumanMessage } from '@langchain/core/messages';
import { tool } from '@langchain/core/tools';
import { ChatOpenAI, type ChatOpenAIFields, OpenAIEmbeddings } from '@langchain/openai';
import { z } from 'zod';
import { embeddingValues, type MockPlan } from '#testing/mock-upstream';
import type { Tenant } from '../e2e/support/tenant';
import { ClientsWorld } from './support/clients-world';

const COST_OF_CALL = 16_000n;

describe('LangChain', () => {
  let clients: ClientsWorld;
  let tenant: Tenant;

  beforeAll(async () => {
    clients = await ClientsWorld.open();
  });
  beforeEach(async () => {
    tenant = await clients.world.tenant();
  });
  afterAll(() => clients.close());

  const connection = () => ({
    apiKey: tenant.key.secret,
    configuration: { baseURL: `${clients.world.platform.url}/v1` },
  });

  const chat = (model: string, rest: Partial<ChatOpenAIFields> = {}) =>
    new ChatOpenAI({ model, maxTokens: 100, maxRetries: 0, ...connection(), ...rest });

  const BACKENDS = [
    ['an OpenAI backend', () => clients.gptModel()],
    ['an Anthropic backend', () => clients.claudeModel()],
  ] as const;

  describe.each(BACKENDS)('before %s', (_what, modelOf) => {
    it.each([false, true])('is answered (through the Responses API: %p)', async (useResponsesApi) => {
      const message = await chat(await modelOf(), { useResponsesApi }).invoke('How are you?');
      expect(message.text).toBe('word word word ');
      expect(message.usage_metadata).toMatchObject({ input_tokens: 10, output_tokens: 3 });
      expect(await tenant.money()).toEqual({ settled: COST_OF_CALL, held: 0n, unresolved: 0n });
    });

    it.each([false, true])('streams (through the Responses API: %p)', async (useResponsesApi) => {
      const stream = await chat(await modelOf(), { useResponsesApi }).stream('How are you?');
      let text = '';
      let last: AIMessageChunk | undefined;
      for await (const chunk of stream) {
        text += chunk.text;
        last = last === undefined ? chunk : last.concat(chunk);
      }
      expect(text).toBe('word word word ');
      expect(last?.usage_metadata).toMatchObject({ input_tokens: 10, output_tokens: 3 });
      expect(await tenant.money()).toEqual({ settled: COST_OF_CALL, held: 0n, unresolved: 0n });
    });

    it('calls a tool and takes its result', async () => {
      const weather = tool(async () => 'Sunny.', {
        name: 'weather',
        description: 'Tells the weather of a city.',
        schema: z.object({ city: z.string() }),
      });
      const model = chat(await modelOf()).bindTools([weather]);
      const asked = new HumanMessage('What is the weather?');
      const first = await model.invoke([asked]);
      const [call] = first.tool_calls ?? [];
      expect(call).toMatchObject({ name: 'weather', args: { city: 'Paris' } });
      if (call === undefined) throw new Error('no call of a tool');
      const result = await weather.invoke({ ...call, type: 'tool_call' });
      expect((await model.invoke([asked, first, result])).text).toBe('word word word ');
    });
  });

  it('embeds', async () => {
    const model = await clients.world.model({}, { kind: 'embedding' });
    const embeddings = new OpenAIEmbeddings({ model, maxRetries: 0, ...connection() });
    expect(await embeddings.embedDocuments(['one', 'two'])).toEqual([embeddingValues(0), embeddingValues(1)]);
    expect(await embeddings.embedQuery('one')).toEqual(embeddingValues(0));
  });

  describe('and its own retries', () => {
    /** How often the platform was asked, and what came of it. */
    async function tried(asks: Tenant, model: string) {
      tenant = asks;
      const error: unknown = await chat(model, { maxRetries: 2 })
        .invoke('How are you?')
        .then(
          () => undefined,
          (reason: unknown) => reason,
        );
      const events = (await clients.world.platform.ledgerEvents(asks.orgId)).map(({ event }) => event);
      const tries = events.filter(({ type }) => type === 'InferenceAuthorized' || type === 'InferenceRefused').length;
      return { error, tries };
    }

    async function triedWith(plan: Partial<MockPlan>, backend: Readonly<Record<string, unknown>> = {}) {
      return tried(tenant, await clients.world.model(plan, { backend }));
    }

    it('a budget without room (402) is asked once', async () => {
      const poor = await clients.world.tenant({ limit: '0.000001' });
      const { error, tries } = await tried(poor, await clients.world.model());
      expect(error).toMatchObject({ status: 402 });
      expect(tries).toBe(1);
    });

    it('a request that makes no sense (400) is sent once', async () => {
      const { error, tries } = await triedWith({ status: 400 });
      expect([error, tries]).toEqual([expect.objectContaining({ status: 400 }), 1]);
    });

    it('a backend that is busy (429) is tried again, and costs nothing meanwhile', async () => {
      const model = await clients.world.model();
      clients.world.upstream.script({ status: 429, retryAfter: '1' });
      expect(await tried(tenant, model)).toEqual({ error: undefined, tries: 2 });
      expect(await tenant.money()).toEqual({ settled: COST_OF_CALL, held: 0n, unresolved: 0n });
    });

    it('a backend that is away (503) is tried again, and costs nothing', async () => {
      const { error, tries } = await triedWith({}, { baseUrl: 'http://127.0.0.1:9/v1' });
      expect([error, tries]).toEqual([expect.objectContaining({ status: 503 }), 3]);
      expect(await tenant.money()).toEqual({ settled: 0n, held: 0n, unresolved: 0n });
    });

    it('a call that may have been billed (502) counts once per try, however LangChain reads our advice', async () => {
      const { error, tries } = await triedWith({ status: 502 });
      expect(error).toMatchObject({ status: 502 });
      const { unresolved, held } = await tenant.money();
      const [authorized] = (await clients.world.platform.ledgerEvents(tenant.orgId))
        .map(({ event }) => event)
        .filter(({ type }) => type === 'InferenceAuthorized');
      if (authorized?.type !== 'InferenceAuthorized') throw new Error('nothing was authorized');
      expect([unresolved, held]).toEqual([BigInt(tries) * authorized.data.holdCost, 0n]);
    });
  });
});
