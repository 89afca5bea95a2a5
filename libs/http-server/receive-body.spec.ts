import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { eventually, exchange, head, posting, RawConnection } from '#testing/raw-http';
import { BodyMemory } from './body-memory';
import { whenOver } from './guarded-server';
import { BodyFailure, type BodyLimits, receiveBody } from './receive-body';

const LIMITS: BodyLimits = { bytesMax: 1_000_000, json: { weightMax: 10_000, depthMax: 50 } };

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

/** A server that says what became of each body; `problem` is the last one that nobody was left to hear of. */
async function receiving(limits: Partial<BodyLimits> = {}, memory = new BodyMemory(100_000_000)) {
  const seen: { problem?: string } = {};
  const server = createServer(async (request, response) => {
    const share = memory.open({ group: 'org', member: 'key' });
    whenOver(response, () => share.release());
    const body = await receiveBody(request, { ...LIMITS, ...limits }, share);
    if (body instanceof BodyFailure) seen.problem = body.problem;
    response.end(body instanceof BodyFailure ? body.problem : String(body.length));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, memory, seen };
}

const CHUNKED = head('POST /', { 'Transfer-Encoding': 'chunked' });
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;

describe('a body', () => {
  it.each([
    ['none', posting('/', ''), '0'],
    ['small', posting('/', '{"a":1}'), '7'],
    ['of the largest size', posting('/', `"${'x'.repeat(999_998)}"`), '1000000'],
    ['in chunks', `${CHUNKED}${chunk('[1,')}${chunk('2]')}0\r\n\r\n`, '5'],
    ['in the smallest chunks', `${CHUNKED}${chunk('1').repeat(50_000)}0\r\n\r\n`, '50000'],
    ['announced as too large', head('POST /', { 'Content-Length': 1_000_001 }), 'too-large'],
    ['that proves to be too large', `${CHUNKED}${chunk('x'.repeat(999_999))}${chunk('xx')}`, 'too-large'],
    ['with too many values', posting('/', `[${'{},'.repeat(5_000)}1]`), 'too-many-values'],
    [
      'with too many values, of which the end never comes',
      CHUNKED + chunk(`[${'{},'.repeat(5_000)}`),
      'too-many-values',
    ],
    ['nested too deeply', posting('/', '['.repeat(51)), 'too-deep'],
  ])('%s', async (_, request, answer) => {
    const { port, memory } = await receiving();
    expect((await exchange(port, request)).body).toBe(answer);
    await eventually(
      () => memory.bytesTaken,
      (bytes) => bytes === 0,
    );
  });

  it('takes no memory by being announced, and gives back what it took when its client leaves', async () => {
    const { port, memory, seen } = await receiving();
    const connection = await RawConnection.open(port);
    await connection.send(`${head('POST /', { 'Content-Length': 900_000 })}${'x'.repeat(10)}`);
    await eventually(
      () => memory.bytesTaken,
      (bytes) => bytes > 0,
    );
    expect(memory.bytesTaken).toBeLessThan(100_000);
    connection.leave();
    await eventually(
      () => memory.bytesTaken,
      (bytes) => bytes === 0,
    );
    expect(seen.problem).toBe('left');
  });

  it('that finds no room is refused before the rest of it has come', async () => {
    const { port } = await receiving({}, new BodyMemory(200_000));
    const connection = await RawConnection.open(port);
    await connection.send(`${head('POST /', { 'Content-Length': 900_000 })}${'x'.repeat(400_000)}`);
    expect((await connection.answer()).body).toBe('no-room');
    connection.leave();
  });

  it.each([
    ['falls silent', ''],
    ['hardly goes on', 'x'],
  ])('that %s is not waited for', async (_, rest) => {
    const { port } = await receiving({ progress: { windowMs: 50, bytesMin: 10 } });
    const connection = await RawConnection.open(port);
    await connection.send(head('POST /', { 'Content-Length': 900_000 }) + rest);
    expect((await connection.answer()).body).toBe('too-slow');
    connection.leave();
  });
});
