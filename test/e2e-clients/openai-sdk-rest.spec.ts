import OpenAI from 'openai';
import { embeddingValues } from '#testing/mock-upstream';
import type { Tenant } from '../e2e/support/tenant';
import { ClientsWorld } from './support/clients-world';

/** What of the official OpenAI client is not about chats. */
describe('the official OpenAI client', () => {
  let clients: ClientsWorld;
  let tenant: Tenant;
  let client: OpenAI;

  beforeAll(async () => {
    clients = await ClientsWorld.open();
    tenant = await clients.world.tenant();
    client = tenant.openai();
  });
  afterAll(() => clients.close());

  describe('completes', () => {
    it.each([1, 2])('prompts, %i at once', async (count) => {
      const model = await clients.world.model({}, { kind: 'completion' });
      const prompt = Array.from({ length: count }, (_, index) => `Once upon a time ${index}`);
      const completion = await client.completions.create({ model, prompt, max_tokens: 10 });
      expect(completion.object).toBe('text_completion');
      expect(completion.model).toBe(model);
      expect(completion.choices.map(({ text, finish_reason }) => [text, finish_reason])).toEqual(
        prompt.map(() => ['word word word ', 'stop']),
      );
      expect(completion.usage).toMatchObject({ prompt_tokens: 10, completion_tokens: 3 * count });
    });

    it('a prompt as a stream', async () => {
      const model = await clients.world.model({}, { kind: 'completion' });
      const stream = await client.completions.create({ model, prompt: 'Once', max_tokens: 10, stream: true });
      let text = '';
      for await (const chunk of stream) text += chunk.choices[0]?.text ?? '';
      expect(text).toBe('word word word ');
    });
  });

  describe('embeds', () => {
    it.each(['float', 'base64', undefined] as const)('as %s: the values are the same', async (encoding_format) => {
      const model = await clients.world.model({}, { kind: 'embedding' });
      const answer = await client.embeddings.create({
        model,
        input: ['one', 'two'],
        ...(encoding_format === undefined ? {} : { encoding_format }),
      });
      const decoded = answer.data.map(({ embedding }) => {
        if (typeof embedding !== 'string') return embedding;
        const bytes = Buffer.from(embedding, 'base64');
        return Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readFloatLE(index * 4));
      });
      expect(decoded).toEqual([embeddingValues(0), embeddingValues(1)]);
      expect(answer.usage).toMatchObject({ prompt_tokens: 10, total_tokens: 10 });
    });

    it('with the simulator, the same text to the same vector in both formats', async () => {
      const { admin } = clients.world.platform;
      const backend = clients.world.name('simulator');
      await admin.request('POST', '/backends', { name: backend, kind: 'simulator' });
      const model = clients.world.name('maker/vectors');
      await admin.createModel({
        id: model,
        backend,
        upstreamModel: 'echo-embedding',
        kind: 'embedding',
        prices: { input: '1', output: '0' },
      });
      const ask = async (encoding_format?: 'float') => {
        const { data } = await client.embeddings.create({
          model,
          input: 'the same',
          ...(encoding_format === undefined ? {} : { encoding_format }),
        });
        return data[0]?.embedding ?? [];
      };
      const [asked, implied] = [await ask('float'), await ask()];
      expect(asked.length).toBeGreaterThan(2);
      expect(implied.map((value) => Math.fround(value))).toEqual(asked.map((value) => Math.fround(value)));
    });
  });

  describe('asks for responses', () => {
    const MODELS = [
      ['an OpenAI backend', () => clients.gptModel()],
      ['an Anthropic backend', () => clients.claudeModel()],
    ] as const;
    const TOOL: OpenAI.Responses.FunctionTool = {
      type: 'function',
      name: 'weather',
      description: 'Tells the weather of a city.',
      parameters: {
        type: 'object',
        properties: { city: { type: 'string' } },
        required: ['city'],
        additionalProperties: false,
      },
      strict: false,
    };

    it.each(MODELS)('of %s', async (_what, modelOf) => {
      const model = await modelOf();
      const response = await client.responses.create({ model, input: 'How are you?', max_output_tokens: 100 });
      expect(response).toMatchObject({ status: 'completed', model, output_text: 'word word word ' });
      expect(response.usage).toMatchObject({ input_tokens: 10, output_tokens: 3, total_tokens: 13 });
      expect(response._request_id).toMatch(/^req_/);
    });

    it.each(MODELS)('of %s as a stream', async (_what, modelOf) => {
      const model = await modelOf();
      const stream = client.responses.stream({ model, input: 'How are you?', max_output_tokens: 100 });
      const types: string[] = [];
      for await (const event of stream) types.push(event.type);
      expect(types[0]).toBe('response.created');
      expect(types.at(-1)).toBe('response.completed');
      const response = await stream.finalResponse();
      expect(response.output_text).toBe('word word word ');
    });

    it.each(MODELS)('of %s that call a tool', async (_what, modelOf) => {
      const model = await modelOf();
      const first = await client.responses.create({ model, input: 'What is the weather?', tools: [TOOL] });
      const call = first.output.find((item) => item.type === 'function_call');
      expect(call).toMatchObject({ name: 'weather', arguments: '{"city":"Paris"}' });
      const second = await client.responses.create({
        model,
        tools: [TOOL],
        input: [
          { role: 'user', content: 'What is the weather?' },
          ...first.output,
          { type: 'function_call_output', call_id: call?.call_id ?? '', output: 'Sunny.' },
        ] as OpenAI.Responses.ResponseInput,
      });
      expect(second.output_text).toBe('word word word ');
    });

    it('and is told that nothing is stored', async () => {
      const model = await clients.gptModel();
      const failed = client.responses.create({ model, input: 'And then?', previous_response_id: 'resp_1' });
      await expect(failed).rejects.toThrow(OpenAI.BadRequestError);
      await expect(failed).rejects.toMatchObject({ param: 'previous_response_id' });
    });
  });
});
