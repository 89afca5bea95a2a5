import { systemClock } from '#environment';
import { eventually, head, posting, RawConnection } from '#testing/raw-http';
import { commandsPath } from './messages';
import { digestOf, HEADERS, signRequest } from './signatures';
import { bar, orgId, other, PATIENT_MS, peerKey, recorded, Wire } from './spec-kit';

/** Nothing that is sent to the port for peers, by strangers or by a peer gone wrong, keeps another peer out. */
let wire: Wire;
beforeEach(() => {
  wire = new Wire();
});
afterEach(() => wire.dispose());

const path = commandsPath(orgId);
const LARGE = 1_000_000;
let nonces = 0;

function signed(body: Uint8Array): Record<string, string> {
  nonces += 1;
  const given = { path, to: other, time: `${systemClock.now()}`, nonce: `hostile-${nonces}`, digest: digestOf(body) };
  return {
    [HEADERS.to]: given.to,
    [HEADERS.time]: given.time,
    [HEADERS.nonce]: given.nonce,
    [HEADERS.digest]: given.digest,
    [HEADERS.signature]: signRequest(peerKey, { method: 'POST', ...given }),
  };
}

/** So few at once that a single one which is not released would be felt. */
const FEW = { requestsMax: 4 };

async function expectServed(port: number): Promise<void> {
  // What has left is noticed in the next turns of the loop.
  const outcomes = await eventually(
    () => wire.client(port).forward(other, orgId, [bar()], PATIENT_MS),
    ([outcome]) => outcome?.kind === 'recorded',
  );
  expect(outcomes).toEqual([recorded]);
}

async function crowd(port: number, count: number, bytes: () => string): Promise<RawConnection[]> {
  const connections = await Promise.all(Array.from({ length: count }, () => RawConnection.open(port)));
  await Promise.all(connections.map((connection) => connection.send(bytes())));
  return connections;
}

describe('the port for peers serves a peer after', () => {
  it('requests without a signature that do not wait for their turn', async () => {
    const { port } = await wire.serve(FEW);
    const flood = posting(path, '{}').repeat(500);
    for (const connection of await crowd(port, 10, () => flood)) connection.leave();
    await expectServed(port);
    expect(wire.taken).toHaveLength(1);
  });

  it.each([
    ['a length', { 'Content-Length': LARGE }, '{'],
    ['chunks', { 'Transfer-Encoding': 'chunked' }, `400\r\n${' '.repeat(1_024)}\r\n`],
  ])('signed bodies with %s that do not go on, once their senders have left', async (_, framing, start) => {
    const { port } = await wire.serve(FEW);
    const connections = await crowd(
      port,
      FEW.requestsMax,
      () => head(`POST ${path}`, { ...signed(Buffer.from('{}')), ...framing }) + start,
    );
    for (const connection of connections) connection.leave();
    await expectServed(port);
    expect(wire.taken).toHaveLength(1);
  });

  it.each([
    ['nobody', () => ({})],
    ['a peer', signed],
  ])('chunks without end of %s: hung up on', async (_, headersOf) => {
    const { port } = await wire.serve({ ...FEW, bodyBytesMax: LARGE });
    const headers = headersOf(Buffer.from('{}'));
    const connection = await RawConnection.open(port);
    await connection.send(head(`POST ${path}`, { ...headers, 'Transfer-Encoding': 'chunked' }));
    const chunk = `10000\r\n${' '.repeat(0x10000)}\r\n`;
    for (let sent = 0; sent < 32 && connection.answers.length === 0; sent += 1) await connection.send(chunk);
    expect([401, 413]).toContain((await connection.answer()).status);
    connection.leave();
    await expectServed(port);
  });

  it('a signed body of more values than any message has', async () => {
    const { port } = await wire.serve(FEW);
    const many = `{"commands":[${'{},'.repeat(600_000)}{}]}`;
    const connection = await RawConnection.open(port);
    await connection.send(posting(path, many, signed(Buffer.from(many))));
    expect(await connection.answer()).toMatchObject({ status: 413, body: expect.stringContaining('holds more than') });
    connection.leave();
    await expectServed(port);
    expect(wire.taken).toHaveLength(1);
  });
});
