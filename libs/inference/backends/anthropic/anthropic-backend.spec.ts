import type { Server } from 'node:http';
import { backendClientContract, bodyOf, testBackend } from '../contract';
import { type Handler, httpHarness, startServer, stop, urlOf } from '../http-double';
import type { UpstreamCall } from '../port';
import { AnthropicBackendClient } from './anthropic-backend';

backendClientContract('anthropic', () =>
  httpHarness(new AnthropicBackendClient(() => Promise.reject(new Error('none')))),
);

describe('AnthropicBackendClient', () => {
  let server: Server;
  let handler: Handler;
  const client = new AnthropicBackendClient(() => Promise.resolve('sk-ant-1'));

  beforeAll(async () => {
    server = await startServer((...request) => handler(...request));
  });
  afterAll(async () => {
    await client.close();
    await stop(server);
  });

  function open(anthropic?: UpstreamCall['anthropic']) {
    const credential = { subject: 's', keyVersion: 1, ciphertext: 'c' };
    return client.open({
      backend: testBackend(urlOf(server), { kind: 'anthropic', credential }),
      operation: 'chat',
      body: { model: 'm', stream: true },
      ...(anthropic === undefined ? {} : { anthropic }),
      signal: new AbortController().signal,
      whyNotStart: () => undefined,
    });
  }

  it('sends the credential and the version in its own headers', async () => {
    let url: string | undefined;
    let headers: object = {};
    handler = (response, request) => {
      url = request.url;
      headers = request.headers;
      response.setHeader('request-id', 'req_upstream').end('{}');
    };
    const response = await open();
    bodyOf(response).discard();
    expect(url).toBe('/v1/messages');
    expect(headers).toMatchObject({
      'x-api-key': 'sk-ant-1',
      'anthropic-version': '2023-06-01',
      accept: 'text/event-stream',
      'accept-encoding': 'identity',
    });
    expect(headers).not.toHaveProperty('authorization');
    expect(response).toMatchObject({ headers: { requestId: 'req_upstream' } });
  });

  it("sends the client's version and those of its beta features that may pass", async () => {
    const seen: unknown[] = [];
    handler = (response, { headers }) => {
      seen.push([headers['anthropic-version'], headers['anthropic-beta']]);
      response.end('{}');
    };
    for (const anthropic of [undefined, { betas: [] }, { version: '2027-01-01', betas: ['a-1', 'b-2'] }])
      bodyOf(await open(anthropic)).discard();
    expect(seen).toEqual([
      ['2023-06-01', undefined],
      ['2023-06-01', undefined],
      ['2027-01-01', 'a-1,b-2'],
    ]);
  });

  it('tells an overloaded backend by its status and its words', async () => {
    const body = '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}';
    handler = (response) => {
      response.statusCode = 529;
      response.end(body);
    };
    expect(await open()).toMatchObject({ kind: 'status', status: 529, body });
  });
});
