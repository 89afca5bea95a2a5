import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { APICallError, embed, embedMany, generateText, type LanguageModel, stepCountIs, streamText, tool } from 'ai';
import { z } from 'zod';
import { embeddingValues } from '#testing/mock-upstream';
import type { Tenant } from '../e2e/support/tenant';
import { ClientsWorld } from './support/clients-world';

const COST_OF_CALL = 16_000n;

describe('the AI SDK', () => {
  let clients: ClientsWorld;
  let tenant: Tenant;

  beforeAll(async () => {
    clients = await ClientsWorld.open();
  });
  beforeEach(async () => {
    tenant = await clients.world.tenant();
  });
  afterAll(() => clients.close());

  const settings = () => ({ baseURL: `${clients.world.platform.url}/v1`, apiKey: tenant.key.secret });

  /** Its providers, each as an application would set it up; the default of the first is the Responses API. */
  const PROVIDERS: readonly (readonly [string, (model: string) => LanguageModel])[] = [
    ['openai (responses)', (model) => createOpenAI(settings())(model)],
    ['openai (chat)', (model) => createOpenAI(settings()).chat(model)],
    [
      'openai-compatible',
      (model) => createOpenAICompatible({ name: 'aiaas', includeUsage: true, ...settings() })(model),
    ],
    ['anthropic', (model) => createAnthropic(settings())(model)],
  ];
  const BACKENDS = [
    ['an OpenAI backend', () => clients.gptModel()],
    ['an Anthropic backend', () => clients.claudeModel()],
  ] as const;

  const weather = () => {
    const asked: string[] = [];
    const tools = {
      weather: tool({
        description: 'Tells the weather of a city.',
        inputSchema: z.object({ city: z.string() }),
        execute: async ({ city }) => {
          asked.push(city);
          return 'Sunny.';
        },
      }),
    };
    return { asked, tools };
  };

  describe.each(PROVIDERS)('with %s', (_provider, modelOf) => {
    describe.each(BACKENDS)('before %s', (_backend, registered) => {
      it('generates text', async () => {
        const model = modelOf(await registered());
        const { text, finishReason, usage } = await generateText({
          model,
          prompt: 'How are you?',
          maxOutputTokens: 100,
          maxRetries: 0,
        });
        expect(text).toBe('word word word ');
        expect(finishReason).toBe('stop');
        expect(usage).toMatchObject({ inputTokens: 10, outputTokens: 3 });
        expect(await tenant.money()).toEqual({ settled: COST_OF_CALL, held: 0n, unresolved: 0n });
      });

      it('streams text', async () => {
        const model = modelOf(await registered());
        const result = streamText({ model, prompt: 'How are you?', maxOutputTokens: 100, maxRetries: 0 });
        const pieces: string[] = [];
        for await (const piece of result.textStream) pieces.push(piece);
        expect(pieces.join('')).toBe('word word word ');
        expect(pieces.length).toBeGreaterThan(1);
        expect(await result.finishReason).toBe('stop');
        expect(await result.usage).toMatchObject({ inputTokens: 10, outputTokens: 3 });
        expect(await tenant.money()).toEqual({ settled: COST_OF_CALL, held: 0n, unresolved: 0n });
      });

      it('calls a tool and goes on with its result', async () => {
        const { asked, tools } = weather();
        const { text, steps } = await generateText({
          model: modelOf(await registered()),
          prompt: 'What is the weather?',
          maxOutputTokens: 100,
          tools,
          stopWhen: stepCountIs(3),
          maxRetries: 0,
        });
        expect(asked).toEqual(['Paris']);
        expect(steps).toHaveLength(2);
        expect(text).toBe('word word word ');
      });

      it('calls a tool out of a stream', async () => {
        const { asked, tools } = weather();
        const result = streamText({
          model: modelOf(await registered()),
          prompt: 'What is the weather?',
          maxOutputTokens: 100,
          tools,
          stopWhen: stepCountIs(3),
          maxRetries: 0,
        });
        expect(await result.text).toBe('word word word ');
        expect(asked).toEqual(['Paris']);
      });
    });

    it('does not repeat what no repeat can cure', async () => {
      const poor = await clients.world.tenant({ limit: '0.000001' });
      tenant = poor;
      const failed = generateText({
        model: modelOf(await clients.gptModel()),
        prompt: 'How are you?',
        maxOutputTokens: 100,
        maxRetries: 2,
      });
      const error: unknown = await failed.catch((reason: unknown) => reason);
      expect(APICallError.isInstance(error) ? [error.statusCode, error.isRetryable] : error).toEqual([402, false]);
      expect(JSON.stringify(error)).toContain('budget_exhausted');
    });

    it('repeats what may be tried again, and gets through', async () => {
      const model = await clients.world.model();
      clients.world.upstream.script({ status: 429, retryAfter: '1' });
      const { text } = await generateText({
        model: modelOf(model),
        prompt: 'How are you?',
        maxOutputTokens: 100,
        maxRetries: 1,
      });
      expect(text).toBe('word word word ');
      expect(await tenant.money()).toEqual({ settled: COST_OF_CALL, held: 0n, unresolved: 0n });
    });

    it('hears of a stream that breaks', async () => {
      const model = modelOf(await clients.world.model({ ending: 'cut', endAfter: 1 }));
      const errors: unknown[] = [];
      const result = streamText({
        model,
        prompt: 'How are you?',
        maxOutputTokens: 100,
        maxRetries: 0,
        onError: ({ error }) => {
          errors.push(error);
        },
      });
      await result.consumeStream();
      expect(errors).toHaveLength(1);
      expect(await tenant.money()).toMatchObject({ settled: 0n, held: 0n });
    });
  });

  describe.each([
    ['openai', (model: string) => createOpenAI(settings()).embedding(model)],
    [
      'openai-compatible',
      (model: string) => createOpenAICompatible({ name: 'aiaas', ...settings() }).embeddingModel(model),
    ],
  ] as const)('with %s', (_provider, modelOf) => {
    it('embeds', async () => {
      const model = modelOf(await clients.world.model({}, { kind: 'embedding' }));
      const { embedding, usage } = await embed({ model, value: 'one', maxRetries: 0 });
      expect(embedding).toEqual(embeddingValues(0));
      expect(usage.tokens).toBe(10);
      const { embeddings } = await embedMany({ model, values: ['one', 'two'], maxRetries: 0 });
      expect(embeddings).toEqual([embeddingValues(0), embeddingValues(1)]);
    });
  });
});
