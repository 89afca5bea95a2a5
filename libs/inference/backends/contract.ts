import type { BackendId } from '#kernel';
import type { Backend } from '../catalogue/types';
import type { BackendClient, BodyFailure, BodySink, UpstreamBody, UpstreamCall, UpstreamResponse } from './port';
import { readBody } from './read-body';

/** How the other side behaves in one call of the suite. */
export type Behaviour =
  /** One JSON answer. */
  | 'answers'
  /** A stream of several chunks that ends with `[DONE]`. */
  | 'streams'
  /** Status 429 with a JSON error. */
  | 'rejects'
  | 'unreachable'
  /** Takes the request and never answers. */
  | 'silent'
  /** One chunk, and then nothing. */
  | 'stalls'
  /** One chunk, and then the connection is lost. */
  | 'breaks';

export interface BackendHarness {
  readonly client: BackendClient;
  /** The base URL and the upstream model that make the other side behave so. */
  target(behaviour: Behaviour): { readonly baseUrl: string; readonly model: string };
  close(): Promise<void>;
}

const TIMEOUTS = { connectMs: 2_000, firstByteMs: 2_000, idleMs: 2_000 };

export function testBackend(baseUrl: string, rest: Partial<Backend> = {}): Backend {
  return {
    id: 'bkd_test' as BackendId,
    name: 'test',
    kind: 'openai',
    baseUrl,
    timeouts: TIMEOUTS,
    outputCapField: 'max_tokens',
    streamUsage: true,
    dropFields: [],
    unbilledServerErrors: false,
    ...rest,
  };
}

/** Everything that a body delivers, in order, until it is over. */
export interface Received {
  readonly text: string;
  readonly failure: BodyFailure | undefined;
}

export function receive(body: UpstreamBody, onChunk: (text: string) => boolean = () => true): Promise<Received> {
  return new Promise((resolve) => {
    let text = '';
    const sink: BodySink = {
      onChunk(chunk) {
        text += Buffer.from(chunk).toString();
        return onChunk(text);
      },
      onEnd: () => resolve({ text, failure: undefined }),
      onFailure: (failure) => resolve({ text, failure }),
    };
    body.pipe(sink);
  });
}

export function bodyOf(response: UpstreamResponse): UpstreamBody {
  if (response.kind !== 'answer') throw new Error(`no answer: ${JSON.stringify(response)}`);
  return response.body;
}

/** What every backend kind must do; each runs it in full. */
export function backendClientContract(name: string, start: () => Promise<BackendHarness>): void {
  describe(`${name}: the contract of BackendClient`, () => {
    let harness: BackendHarness;
    beforeAll(async () => {
      harness = await start();
    });
    afterAll(() => harness.close());

    function call(behaviour: Behaviour, timeouts = {}, signal = new AbortController().signal): UpstreamCall {
      const { baseUrl, model } = harness.target(behaviour);
      return {
        backend: testBackend(baseUrl, { timeouts: { ...TIMEOUTS, ...timeouts } }),
        operation: 'chat',
        body: { model, messages: [{ role: 'user', content: 'some words' }], stream: behaviour !== 'answers' },
        signal,
        whyNotStart: () => undefined,
      };
    }

    it('answers in full', async () => {
      const response = await harness.client.open(call('answers'));
      expect(response).toMatchObject({ kind: 'answer', status: 200, headers: { contentType: 'application/json' } });
      const body = await readBody(bodyOf(response), 10_000);
      expect(body.kind === 'text' && JSON.parse(body.text)).toMatchObject({ choices: [{ index: 0 }] });
    });

    it('gives up an answer larger than its reader wants', async () => {
      const response = await harness.client.open(call('answers'));
      expect(await readBody(bodyOf(response), 10)).toEqual({ kind: 'too-large' });
    });

    it('streams to the end, also when the reader comes late', async () => {
      const response = await harness.client.open(call('streams'));
      await new Promise(setImmediate);
      const received = await receive(bodyOf(response));
      expect(received.failure).toBeUndefined();
      expect(received.text).toMatch(/^data: .*data: \[DONE\]\n\n$/s);
    });

    it('waits for a reader that pauses after every chunk', async () => {
      const body = bodyOf(await harness.client.open(call('streams')));
      const received = await receive(body, () => {
        setTimeout(() => body.resume(), 2);
        return false;
      });
      expect(received.failure).toBeUndefined();
      expect(received.text).toMatch(/data: \[DONE\]\n\n$/);
    });

    it('does not take a paused reader for a dead backend', async () => {
      // Long enough for a busy machine once the reader goes on, and shorter than its pause.
      const body = bodyOf(await harness.client.open(call('streams', { idleMs: 300 })));
      let isFirst = true;
      const received = await receive(body, () => {
        if (!isFirst) return true;
        isFirst = false;
        setTimeout(() => body.resume(), 450);
        return false;
      });
      expect(received.failure).toBeUndefined();
    });

    it('reports a status with its body', async () => {
      const response = await harness.client.open(call('rejects'));
      expect(response).toMatchObject({ kind: 'status', status: 429 });
      expect(response.kind === 'status' && JSON.parse(response.body)).toHaveProperty('error.message');
    });

    it('proves that nothing was sent when it cannot connect', async () => {
      const response = await harness.client.open(call('unreachable'));
      expect(response).toMatchObject({ kind: 'failure', failure: { kind: 'connect-failed' } });
    });

    it('waits for the first byte only so long', async () => {
      const response = await harness.client.open(call('silent', { firstByteMs: 30 }));
      expect(response).toEqual({ kind: 'failure', failure: { kind: 'first-byte-timeout' } });
    });

    it('waits for the next chunk only so long', async () => {
      const received = await receive(bodyOf(await harness.client.open(call('stalls', { idleMs: 30 }))));
      expect(received).toMatchObject({ text: expect.stringMatching(/^data: /), failure: { kind: 'idle-timeout' } });
    });

    it('delivers what came before the connection was lost', async () => {
      const received = await receive(bodyOf(await harness.client.open(call('breaks'))));
      expect(received).toMatchObject({ text: expect.stringMatching(/^data: /), failure: { kind: 'connection-lost' } });
    });

    it('sends nothing for a call that was aborted before', async () => {
      const response = await harness.client.open(call('answers', {}, AbortSignal.abort()));
      expect(response).toEqual({ kind: 'failure', failure: { kind: 'aborted', dispatched: false } });
    });

    it('sends nothing when the caller no longer allows it', async () => {
      const response = await harness.client.open({ ...call('answers'), whyNotStart: () => 'lease-lost' });
      expect(response).toEqual({ kind: 'failure', failure: { kind: 'not-started', reason: 'lease-lost' } });
    });

    it('aborts while it waits for the answer', async () => {
      const controller = new AbortController();
      // Asked right before the request is written.
      const whyNotStart = () => {
        setImmediate(() => controller.abort());
        return undefined;
      };
      const opening = harness.client.open({ ...call('silent', {}, controller.signal), whyNotStart });
      expect(await opening).toEqual({ kind: 'failure', failure: { kind: 'aborted', dispatched: true } });
    });

    it('aborts in mid-stream', async () => {
      const controller = new AbortController();
      const body = bodyOf(await harness.client.open(call('stalls', {}, controller.signal)));
      const received = await receive(body, () => {
        setImmediate(() => controller.abort());
        return true;
      });
      expect(received.failure).toEqual({ kind: 'aborted' });
    });

    it('aborts a reader that has paused', async () => {
      const controller = new AbortController();
      const body = bodyOf(await harness.client.open(call('streams', {}, controller.signal)));
      const received = await receive(body, () => {
        setImmediate(() => controller.abort());
        return false;
      });
      expect(received.failure).toEqual({ kind: 'aborted' });
    });

    it('tells a reader that threw', async () => {
      const error = new Error('a bug');
      const received = await receive(bodyOf(await harness.client.open(call('streams'))), () => {
        throw error;
      });
      expect(received.failure).toEqual({ kind: 'reader-failed', error });
    });

    it('says nothing more after it was discarded', async () => {
      const body = bodyOf(await harness.client.open(call('streams')));
      const heard: string[] = [];
      body.pipe({
        onChunk() {
          heard.push('chunk');
          body.discard();
          return true;
        },
        onEnd: () => heard.push('end'),
        onFailure: () => heard.push('failure'),
      });
      await harness.client.open(call('answers'));
      expect(heard).toEqual(['chunk']);
    });

    it('serves the next call after all this', async () => {
      const calls = Array.from({ length: 20 }, async () => bodyOf(await harness.client.open(call('streams'))));
      const received = await Promise.all(calls.map(async (body) => receive(await body)));
      for (const { text } of received) expect(text).toMatch(/data: \[DONE\]\n\n$/);
    });

    it('refuses calls after it was closed', async () => {
      await harness.client.close();
      const response = await harness.client.open(call('answers'));
      expect(response).toMatchObject({ kind: 'failure', failure: { kind: 'connect-failed' } });
    });
  });
}
