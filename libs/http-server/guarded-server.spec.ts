import type { RequestListener, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { eventually, exchange, head, posting, RawConnection } from '#testing/raw-http';
import type { ConnectionLimits } from './connection-caps';
import { createGuardedServer, invitesBody, whenOver } from './guarded-server';

const LIMITS: ConnectionLimits = { connectionsMax: 100, connectionsPerAddressMax: 100 };
const TIMES = { headMsMax: 60_000, requestMsMax: 60_000, keepAliveMs: 60_000 };

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function listening(handle: RequestListener, limits: Partial<ConnectionLimits> = {}, times = {}): Promise<number> {
  const server = createGuardedServer(handle, { limits: { ...LIMITS, ...limits }, ...TIMES, ...times });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** A handler that answers when it is told, and remembers what it was asked. */
class Asked {
  readonly urls: string[] = [];
  readonly ended: string[] = [];
  readonly answers: ServerResponse[] = [];

  readonly handle: RequestListener = (request, response) => {
    const url = request.url ?? '';
    this.urls.push(url);
    this.answers.push(response);
    whenOver(response, () => this.ended.push(url));
    if (url.startsWith('/now')) response.end(url);
  };

  answer(index = 0): void {
    this.answers[index]?.end('late');
  }
}

describe('one request at a time', () => {
  it('is answered on one connection after the other', async () => {
    const port = await listening(new Asked().handle);
    const connection = await RawConnection.open(port);
    for (const count of [1, 2, 3]) {
      await connection.send(head(`GET /now/${count}`));
      expect((await connection.answer(count)).body).toBe(`/now/${count}`);
    }
    expect(connection.isOver).toBe(false);
    connection.leave();
  });

  it('what comes before the answer is not looked at, and the connection ends with the answer', async () => {
    const asked = new Asked();
    const connection = await RawConnection.open(await listening(asked.handle));
    await connection.send(head('GET /first') + posting('/second', '{}') + head('GET /third'));
    await eventually(
      () => asked.urls.length,
      (count) => count > 0,
    );
    asked.answer();
    const text = await connection.over();
    expect(text.match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(text).toMatch(/connection: close/i);
    expect(text).toContain('late');
    expect(asked.urls).toEqual(['/first']);
  });

  it('so does one whose head had left before the next request came', async () => {
    const asked = new Asked();
    const connection = await RawConnection.open(await listening(asked.handle));
    await connection.send(head('GET /stream'));
    const [response] = await eventually(
      () => asked.answers,
      ({ length }) => length > 0,
    );
    response?.write('begun');
    await connection.heard('begun');
    const second = new Promise((resolve) => servers[0]?.once('request', resolve));
    await connection.send(head('GET /now'));
    await second;
    response?.end('done');
    expect(await connection.over()).toContain('done');
    expect(asked.urls).toEqual(['/stream']);
  });

  it.each([
    ['requests', head('GET /flood').repeat(1_000)],
    ['a body', `${head('POST /body', { 'Content-Length': 10_000_000 })}${'x'.repeat(1_000_000)}`],
    ['chunks', `${head('POST /body', { 'Transfer-Encoding': 'chunked' })}${'1\r\nx\r\n'.repeat(100_000)}`],
  ])('a flood of %s after the first ends the connection, and all that worked on it hears so', async (_, flood) => {
    const asked = new Asked();
    const connection = await RawConnection.open(await listening(asked.handle));
    await connection.send(head('GET /first') + flood);
    expect(await connection.over()).toBe('');
    await eventually(
      () => asked.ended,
      ({ length }) => length > 0,
    );
    expect([asked.urls, asked.ended]).toEqual([['/first'], ['/first']]);
  });

  it('hears at once of a client that leaves, whatever it has sent after its request', async () => {
    const left: boolean[] = [];
    const asked = new Asked();
    const port = await listening((request, response) => {
      whenOver(response, () => left.push(!response.writableFinished));
      asked.handle(request, response);
    });
    for (const rest of ['', head('GET /second'), head('POST /second', { 'Content-Length': 33_554_432 })]) {
      const connection = await RawConnection.open(port);
      const before = asked.urls.length;
      await connection.send(head('GET /first') + rest);
      await eventually(
        () => asked.urls.length,
        (count) => count > before,
      );
      connection.leave();
      await eventually(
        () => left.length,
        (count) => count > before,
      );
    }
    expect(left).toEqual([true, true, true]);
    expect(asked.urls).toEqual(['/first', '/first', '/first']);
  });
});

describe('a body', () => {
  it('is asked for when somebody wants it, and not before', async () => {
    const port = await listening((request, response) => {
      if (request.url !== '/wanted') return void response.writeHead(403).end();
      invitesBody(request, response);
      request.resume().on('end', () => response.end('read'));
    });
    const headers = { 'Content-Length': 4, Expect: '100-continue' };
    const unwanted = await RawConnection.open(port);
    await unwanted.send(head('POST /unwanted', headers));
    expect([(await unwanted.answer()).status, unwanted.received]).toEqual([403, expect.not.stringContaining(' 100 ')]);
    const wanted = await RawConnection.open(port);
    await wanted.send(head('POST /wanted', headers));
    await wanted.heard('100 Continue');
    await wanted.send('body');
    expect((await wanted.answer()).body).toBe('read');
    for (const connection of [unwanted, wanted]) connection.leave();
  });

  it('an expectation that nobody knows is passed over, the request is not, nor does it come before its turn', async () => {
    const asked = new Asked();
    const connection = await RawConnection.open(await listening(asked.handle));
    const unknown = { Expect: '200-maybe' };
    await connection.send(head('GET /now', unknown));
    expect(await connection.answer()).toMatchObject({ status: 200, body: '/now' });
    await connection.send(head('GET /first') + head('GET /second', unknown));
    await eventually(
      () => asked.urls,
      (urls) => urls.includes('/first'),
    );
    asked.answer(1);
    await connection.over();
    expect([asked.urls, connection.answers.length]).toEqual([['/now', '/first'], 2]);
  });

  it('that nobody wants is thrown away, and the next request is understood', async () => {
    const port = await listening((request, response) => response.end(request.url));
    const connection = await RawConnection.open(port);
    await connection.send(posting('/unread', 'x'.repeat(1_000_000)));
    await connection.send(head('GET /next'));
    expect((await connection.answer(2)).body).toBe('/next');
    connection.leave();
  });
});

it('a path is the same however it is written', async () => {
  const port = await listening((request, response) => response.end(request.url));
  for (const target of ['/v1/models', '//v1/%6dodels', 'http://elsewhere/v1/models', '/docs/../v1/./models'])
    expect((await exchange(port, head(`GET ${target}`))).body).toBe('/v1/models');
});

it('no header is lost, so that what a proxy adds last is there', async () => {
  const port = await listening((request, response) => response.end(request.headers['x-forwarded-for']));
  const many = Object.fromEntries(Array.from({ length: 2_500 }, (_, index) => [`a${index.toString(36)}`, '']));
  const answer = await exchange(port, head('GET /', { ...many, 'X-Forwarded-For': '192.0.2.1' }));
  expect(answer.body).toBe('192.0.2.1');
});

describe('connections', () => {
  it('of one address are as many as they may be: the longest idle one is ended for a new one', async () => {
    const asked = new Asked();
    const port = await listening(asked.handle, { connectionsPerAddressMax: 2 });
    const [first, second] = [await RawConnection.open(port), await RawConnection.open(port)];
    await first.send(head('GET /now'));
    await first.answer();
    const third = await RawConnection.open(port);
    // The second one has never said anything.
    await second.over();
    await third.send(head('GET /now'));
    expect((await third.answer()).status).toBe(200);
    expect(first.isOver).toBe(false);
    const elsewhere = await exchange(port, head('GET /now'), '127.0.0.2');
    expect(elsewhere.status).toBe(200);
    for (const connection of [first, third]) connection.leave();
  });

  it('that are all busy are not ended: the new one is turned away, and told what to do', async () => {
    const asked = new Asked();
    const port = await listening(asked.handle, { connectionsPerAddressMax: 1 });
    const busy = await RawConnection.open(port);
    await busy.send(head('GET /busy'));
    await eventually(
      () => asked.urls.length,
      (count) => count > 0,
    );
    const turnedAway = await RawConnection.open(port);
    const { status, headers, body } = await turnedAway.answer();
    expect([status, headers.get('retry-after'), body]).toEqual([503, '1', expect.stringContaining('try again')]);
    await turnedAway.over();
    asked.answer();
    expect((await busy.answer()).body).toBe('late');
    expect((await exchange(port, head('GET /now'))).status).toBe(200);
    busy.leave();
  });

  it('in all are as many as they may be, whosever they are', async () => {
    const port = await listening(new Asked().handle, { connectionsMax: 1 });
    const first = await RawConnection.open(port);
    expect((await exchange(port, head('GET /now'), '127.0.0.2')).status).toBe(200);
    await first.over();
  });

  it('of a trusted proxy count in all alone', async () => {
    const isTrustedProxy = (address: string | undefined) => address === '127.0.0.1';
    const port = await listening(new Asked().handle, { connectionsPerAddressMax: 1, isTrustedProxy });
    const both = [await RawConnection.open(port), await RawConnection.open(port)];
    for (const connection of both) {
      await connection.send(head('GET /now'));
      expect((await connection.answer()).status).toBe(200);
    }
    for (const connection of both) connection.leave();
  });

  it('that say nothing, or not all, are ended', async () => {
    const port = await listening(new Asked().handle, {}, { headMsMax: 20, requestMsMax: 20, checkEveryMs: 10 });
    for (const beginning of ['', 'GET /now HTT', head('POST /first', { 'Content-Length': 5 })]) {
      const silent = await RawConnection.open(port);
      await silent.send(beginning);
      await silent.over();
    }
  });
});
