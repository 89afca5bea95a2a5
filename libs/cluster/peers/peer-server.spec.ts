import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { systemClock } from '#environment';
import type { Clock } from '#kernel';
import { epochMs } from '#kernel';
import type { ForwardedOutcome } from '#ledger';
import { commandsPath, encodeCommand, encodeRequest } from './messages';
import { digestOf, HEADERS, signRequest } from './signatures';
import {
  anotherKey,
  bar,
  HOST,
  orgId,
  other,
  PATIENT_MS,
  peerKey,
  recorded,
  Signal,
  self,
  unknown,
  Wire,
} from './spec-kit';

let wire: Wire;
beforeEach(() => {
  wire = new Wire();
});
afterEach(() => wire.dispose());

const shifted = (ms: number): Clock => ({
  now: () => epochMs(systemClock.now() + ms),
  monotonicMs: () => systemClock.monotonicMs(),
});

interface RawAnswer {
  readonly status: number;
  readonly text: string;
}

/** A request as nobody's client would send it. */
function raw(port: number, headers: Record<string, string>, body: Uint8Array, path = commandsPath(orgId)) {
  return new Promise<RawAnswer>((resolve, reject) => {
    const outgoing = request({ host: HOST, port, method: 'POST', path, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

type Changes = Partial<Record<'path' | 'to' | 'time' | 'nonce', string>>;

function signed(body: Uint8Array, changes: Changes = {}) {
  const given = {
    path: commandsPath(orgId),
    to: other,
    time: `${systemClock.now()}`,
    nonce: `${Math.random()}`,
    digest: digestOf(body),
    ...changes,
  };
  return {
    [HEADERS.to]: given.to,
    [HEADERS.time]: given.time,
    [HEADERS.nonce]: given.nonce,
    [HEADERS.digest]: given.digest,
    [HEADERS.signature]: signRequest(peerKey, { method: 'POST', ...given }),
  };
}

const body = encodeRequest(1_000, [encodeCommand(bar()) ?? '']);

describe('the port for peers', () => {
  it('turns away whoever does not know the key, and tells the operator, not too often', async () => {
    const server = await wire.serve();
    const client = wire.client(server.port, { peerKey: anotherKey });
    expect(await client.forward(other, orgId, [bar()], PATIENT_MS)).toEqual(unknown('HTTP 401'));
    expect(await client.forward(other, orgId, [bar()], PATIENT_MS)).toEqual(unknown('HTTP 401'));
    expect(wire.taken).toEqual([]);
    expect(wire.problems).toEqual([expect.stringContaining('do all gateways have the same master key?')]);
  });

  it('takes a request once', async () => {
    const server = await wire.serve();
    const headers = signed(body);
    expect(await raw(server.port, headers, body)).toMatchObject({ status: 200 });
    expect(await raw(server.port, headers, body)).toEqual({ status: 401, text: 'The request was sent before.' });
    expect(wire.taken).toHaveLength(1);
  });

  it('takes nothing when it could not remember having taken it', async () => {
    const server = await wire.serve({ noncesMax: 1 });
    expect(await raw(server.port, signed(body), body)).toMatchObject({ status: 200 });
    expect(await raw(server.port, signed(body), body)).toMatchObject({ status: 503 });
    expect(wire.taken).toHaveLength(1);
  });

  it('forgets nonces whose requests would be too old by now', async () => {
    let aheadMs = 0;
    const clock: Clock = { ...systemClock, now: () => epochMs(systemClock.now() + aheadMs) };
    const server = await wire.serve({ noncesMax: 1, clock });
    expect(await raw(server.port, signed(body), body)).toMatchObject({ status: 200 });
    aheadMs = 31_000;
    expect(await raw(server.port, signed(body, { time: `${clock.now()}` }), body)).toMatchObject({ status: 200 });
  });

  it.each([
    ['-31 s', -31_000],
    ['31 s', 31_000],
  ])('takes nothing from a clock that is off by %s', async (_, ms) => {
    const server = await wire.serve();
    const client = wire.client(server.port, { clock: shifted(ms) });
    expect(await client.forward(other, orgId, [bar()], PATIENT_MS)).toEqual(unknown('HTTP 401'));
    expect(wire.taken).toEqual([]);
  });

  it.each([
    ['another body', signed(encodeRequest(1_000, []))],
    ['another digest', { ...signed(encodeRequest(1_000, [])), [HEADERS.digest]: digestOf(body) }],
    ['another path', signed(body, { path: '/peer/v1/ledgers/org_01k00000000000000000000009/commands' })],
    ['another receiver', { ...signed(body), [HEADERS.to]: self }],
    ['another time', { ...signed(body), [HEADERS.time]: `${systemClock.now() + 1_000}` }],
    ['a time that is none', { ...signed(body), [HEADERS.time]: 'now' }],
    ['another nonce', { ...signed(body), [HEADERS.nonce]: 'x' }],
    ['no signature', {}],
  ])('a signature over %s is none', async (_, headers) => {
    const server = await wire.serve();
    expect(await raw(server.port, headers, body)).toMatchObject({ status: 401 });
    expect(wire.taken).toEqual([]);
  });

  it('does nothing that was meant for a gateway that ran there before', async () => {
    const server = await wire.serve();
    expect(await wire.client(server.port).forward(self, orgId, [bar()], PATIENT_MS)).toEqual(unknown('HTTP 421'));
    expect(wire.taken).toEqual([]);
  });

  it('refuses what it does not understand, and hands none of it on', async () => {
    const server = await wire.serve();
    const odd = Buffer.from('{"commands":[{}],"timeoutMs":5}');
    expect(await raw(server.port, signed(odd), odd)).toMatchObject({
      status: 400,
      text: expect.stringContaining('malformed at commands.0.command'),
    });
    expect(wire.taken).toEqual([]);
  });

  it('has one route', async () => {
    const server = await wire.serve();
    expect(await raw(server.port, signed(body), body, '/')).toMatchObject({ status: 404 });
    expect(wire.taken).toEqual([]);
  });

  it.each([
    ['announced', (bytes: number): Record<string, string> => ({ 'content-length': `${bytes}` })],
    ['sent', (): Record<string, string> => ({ 'transfer-encoding': 'chunked' })],
  ])('reads no body that is larger than it may be, as %s', async (_, framing) => {
    const server = await wire.serve({ bodyBytesMax: 1_000 });
    const large = Buffer.alloc(1_001, 'x');
    const answer = await raw(server.port, { ...signed(large), ...framing(large.length) }, large);
    expect(answer).toEqual({ status: 413, text: 'A body may have 1000 bytes.' });
  });

  it.each([
    ['a stranger', { ...signed(body), [HEADERS.signature]: 'x' }],
    ['nobody that is known', {}],
  ])('reads no body of %s', async (_, headers) => {
    const server = await wire.serve({ requestsMax: 1 });
    const half = request({ host: HOST, port: server.port, method: 'POST', path: commandsPath(orgId), headers });
    half.on('error', () => undefined);
    // The end of this body never comes, and the answer does not wait for it.
    half.write(body.subarray(0, 1));
    const [answer] = (await once(half, 'response')) as [IncomingMessage];
    expect(answer.statusCode).toBe(401);
    half.destroy();
  });

  it('serves so many at once and no more', async () => {
    const [hasBegun, held] = [new Signal(), new Signal()];
    const takeForwarded = async () => {
      hasBegun.give();
      await held.given;
      return [recorded];
    };
    const server = await wire.serve({ requestsMax: 1, takeForwarded });
    const first = wire.client(server.port).forward(other, orgId, [bar()], PATIENT_MS);
    await hasBegun.given;
    expect(await wire.client(server.port).forward(other, orgId, [bar()], PATIENT_MS)).toEqual(unknown('HTTP 503'));
    held.give();
    expect(await first).toEqual([recorded]);
  });
});

describe('closing', () => {
  it('lets what is under way end, and takes nothing new', async () => {
    const hasBegun = new Signal();
    const held = new Signal();
    const server = await wire.serve({
      closeMsMax: PATIENT_MS,
      takeForwarded: async () => {
        hasBegun.give();
        await held.given;
        return [recorded];
      },
    });
    const { port } = server;
    const client = wire.client(port);
    const outcome = client.forward(other, orgId, [bar()], PATIENT_MS);
    await hasBegun.given;
    const closing = server.close();
    expect(await wire.client(port).forward(other, orgId, [bar()], PATIENT_MS)).toEqual(unknown('could not be asked'));
    held.give();
    expect(await outcome).toEqual([recorded]);
    await closing;
  });

  it('waits for nobody for ever', async () => {
    const hasBegun = new Signal();
    const takeForwarded = (): Promise<ForwardedOutcome[]> => {
      hasBegun.give();
      return new Promise(() => undefined);
    };
    const server = await wire.serve({ closeMsMax: 50, takeForwarded });
    const outcome = wire.client(server.port).forward(other, orgId, [bar()], PATIENT_MS);
    await hasBegun.given;
    await server.close();
    expect(await outcome).toEqual(unknown('could not be asked'));
  });

  it('of the client leaves the outcome of what is under way unknown', async () => {
    const hasBegun = new Signal();
    const takeForwarded = (): Promise<ForwardedOutcome[]> => {
      hasBegun.give();
      return new Promise(() => undefined);
    };
    const server = await wire.serve({ closeMsMax: 1, takeForwarded });
    const client = wire.client(server.port);
    const outcome = client.forward(other, orgId, [bar()], PATIENT_MS);
    await hasBegun.given;
    await client.close();
    expect(await outcome).toEqual(unknown('could not be asked'));
    expect(wire.problems).toEqual([]);
  });
});
