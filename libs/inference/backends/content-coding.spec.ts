import type { Server } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import zlib from 'node:zlib';
import { BodyDecoder, contentCodingOf } from './content-coding';
import { bodyOf, receive, testBackend } from './contract';
import { type Handler, startServer, stop, urlOf } from './http-double';
import { OpenAiBackendClient } from './openai';
import type { UpstreamResponse } from './port';
import { readBody } from './read-body';

const CODERS: Readonly<Record<string, (text: Buffer) => Buffer>> = {
  gzip: zlib.gzipSync,
  'x-gzip': zlib.gzipSync,
  GZIP: zlib.gzipSync,
  deflate: zlib.deflateSync,
  'deflate (raw)': zlib.deflateRawSync,
  br: zlib.brotliCompressSync,
  'gzip, br': (text) => zlib.brotliCompressSync(zlib.gzipSync(text)),
  'identity, deflate': zlib.deflateSync,
};

function coded(name: string, text: string): { coding: string; bytes: Buffer } {
  return { coding: name.replace(' (raw)', ''), bytes: CODERS[name]?.(Buffer.from(text)) ?? Buffer.from(text) };
}

describe('contentCodingOf', () => {
  it.each([
    [undefined, { kind: 'identity' }],
    ['', { kind: 'identity' }],
    ['identity', { kind: 'identity' }],
    [' Gzip ', { kind: 'coded', codings: ['gzip'] }],
    [['gzip', 'br'], { kind: 'coded', codings: ['gzip', 'br'] }],
    ['compress', { kind: 'unknown' }],
    ['gzip, rot13', { kind: 'unknown' }],
    ['gzip, gzip, gzip, gzip', { kind: 'unknown' }],
  ])('%j', (header, coding) => {
    expect(contentCodingOf(header)).toEqual(coding);
  });
});

describe('BodyDecoder', () => {
  function decode(bytes: Buffer, bytesMax: number): Promise<string> {
    return new Promise((resolve) => {
      let text = '';
      const sink = {
        onData: (chunk: Buffer) => {
          text += chunk.toString();
        },
        onEnd: () => resolve(text),
        onBroken: resolve,
        onDrain: () => undefined,
      };
      const decoder = new BodyDecoder(['gzip'], sink, bytesMax);
      decoder.write(bytes);
      decoder.end();
    });
  }

  it('takes as much as is allowed, and no more', async () => {
    const bytes = zlib.gzipSync('x'.repeat(100));
    expect(await decode(bytes, 100)).toBe('x'.repeat(100));
    expect(await decode(bytes, 99)).toBe('answer-too-large');
  });

  it('gives what there was of a body without its end', async () => {
    expect(await decode(zlib.gzipSync('hello').subarray(0, -8), 100)).toBe('hello');
  });

  it('decodes no more than its reader takes', async () => {
    let decodedBytes = 0;
    const decoder = new BodyDecoder(['gzip'], {
      onData: (chunk) => {
        decodedBytes += chunk.length;
        decoder.pause();
      },
      onEnd: () => undefined,
      onBroken: () => undefined,
      onDrain: () => undefined,
    });
    decoder.write(zlib.gzipSync(Buffer.alloc(64 * 1024 * 1024)));
    while (decodedBytes === 0) await setImmediate();
    for (let turns = 0; turns < 100; turns += 1) await setImmediate();
    expect(decodedBytes).toBeLessThan(1024 * 1024);
    decoder.destroy();
  });
});

describe('answers that are coded though identity was asked for', () => {
  const client = new OpenAiBackendClient(() => Promise.reject(new Error('no secret')));
  let server: Server;
  let handler: Handler;

  beforeAll(async () => {
    server = await startServer((...request) => handler(...request));
  });
  afterAll(async () => {
    await client.close();
    await stop(server);
  });

  function open(): Promise<UpstreamResponse> {
    return client.open({
      backend: testBackend(urlOf(server)),
      operation: 'chat',
      body: { model: 'm' },
      signal: new AbortController().signal,
      whyNotStart: () => undefined,
    });
  }

  function ask(status: number, coding: string, ...pieces: Buffer[]): Promise<UpstreamResponse> {
    handler = (response) => {
      response.writeHead(status, { 'content-encoding': coding });
      const next = (): void => {
        const piece = pieces.shift();
        if (piece === undefined) response.end();
        else response.write(piece, () => next());
      };
      next();
    };
    return open();
  }

  it.each(Object.keys(CODERS))('%s: the answer is read', async (name) => {
    const { coding, bytes } = coded(name, '{"choices":[]}');
    const response = await ask(200, coding, bytes.subarray(0, 5), bytes.subarray(5));
    expect(await readBody(bodyOf(response), 1_000)).toEqual({ kind: 'text', text: '{"choices":[]}' });
  });

  it.each(Object.keys(CODERS))('%s: the text of an error is read', async (name) => {
    const { coding, bytes } = coded(name, '{"error":{"code":"max_too_large"}}');
    expect(await ask(400, coding, bytes)).toMatchObject({ status: 400, body: '{"error":{"code":"max_too_large"}}' });
  });

  it('a stream comes piece by piece, as it is sent', async () => {
    const gzip = zlib.createGzip();
    let write = (_text: string): void => undefined;
    handler = (response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' });
      gzip.pipe(response);
      write = (text) => {
        gzip.write(text);
        gzip.flush();
      };
      write('one');
    };
    const response = await open();
    const got: string[] = [];
    await new Promise<void>((resolve, reject) =>
      bodyOf(response).pipe({
        onChunk: (chunk) => {
          got.push(Buffer.from(chunk).toString());
          if (got.length === 1) write('two');
          else gzip.end();
          return true;
        },
        onEnd: resolve,
        onFailure: ({ kind }) => reject(new Error(kind)),
      }),
    );
    expect(got).toEqual(['one', 'two']);
  });

  it.each([
    ['compress', 'unknown-encoding'],
    ['gzip', 'broken-encoding'],
    ['br', 'broken-encoding'],
  ])('what is said to be %s and is not is garbage, and says why', async (coding, reason) => {
    const response = await ask(200, coding, Buffer.from('{"choices":[{"index":0}],"object":"chat.completion"}'));
    expect(await readBody(bodyOf(response), 1_000)).toEqual({ kind: 'failure', failure: { kind: 'garbage', reason } });
    // Of an error the status is known all the same.
    expect(await ask(400, coding, Buffer.from('{"error":{"code":"hidden"}}'))).toMatchObject({ status: 400, body: '' });
  });

  it('a small answer that would become a huge one ends at the limit of its reader', async () => {
    const bomb = zlib.gzipSync(Buffer.alloc(64 * 1024 * 1024));
    expect(bomb.length).toBeLessThan(100_000);
    expect(await readBody(bodyOf(await ask(200, 'gzip', bomb)), 1024 * 1024)).toEqual({ kind: 'too-large' });
    const response = await ask(500, 'gzip', bomb);
    expect(response.kind === 'status' && response.body.length).toBe(64 * 1024);
  });

  it('what had come of an answer that breaks off is read', async () => {
    const bytes = zlib.gzipSync('data: {"a":1}\n\n', { finishFlush: zlib.constants.Z_SYNC_FLUSH });
    handler = (response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' });
      response.write(bytes, () => response.socket?.destroy());
    };
    expect(await receive(bodyOf(await open()))).toMatchObject({
      text: 'data: {"a":1}\n\n',
      failure: { kind: 'connection-lost' },
    });
  });
});
