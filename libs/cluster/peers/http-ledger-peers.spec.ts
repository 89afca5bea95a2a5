import type { ForwardedOutcome } from '#ledger';
import { encodeAnswer } from './messages';
import { HEADERS, signAnswer } from './signatures';
import { anotherKey, bar, eventId, orgId, other, PATIENT_MS, peerKey, recorded, unknown, Wire } from './spec-kit';

let wire: Wire;
beforeEach(() => {
  wire = new Wire();
});
afterEach(() => wire.dispose());

describe('commands that are forwarded to a peer', () => {
  it('reach it whole and in order, and their outcomes come back', async () => {
    const outcomes: ForwardedOutcome[] = [
      recorded,
      { kind: 'refused', refusal: { code: 'budget_not_found', message: 'There is no such budget.' }, eventId },
      { kind: 'waiting' },
    ];
    const server = await wire.serve({
      takeForwarded: async (...args) => {
        wire.taken.push(args);
        return outcomes;
      },
    });
    const commands = [bar('one'), bar('two'), bar('three')];
    expect(await wire.client(server.port).forward(other, orgId, commands, PATIENT_MS)).toEqual(outcomes);
    const [[takenOrg, takenCommands, timeoutMs] = []] = wire.taken;
    expect([takenOrg, takenCommands]).toEqual([orgId, commands]);
    expect(timeoutMs).toBeGreaterThan(PATIENT_MS / 2);
    expect(timeoutMs).toBeLessThanOrEqual(PATIENT_MS);
    expect(wire.problems).toEqual([]);
  });

  it('use one connection again and again', async () => {
    const ports = new Set<number | undefined>();
    const port = await wire.impostor((incoming, response) => {
      ports.add(incoming.socket.remotePort);
      const body = encodeAnswer([recorded]);
      const signature = signAnswer(peerKey, { nonce: String(incoming.headers[HEADERS.nonce]), status: 200, body });
      incoming.resume().on('end', () => response.writeHead(200, { [HEADERS.signature]: signature }).end(body));
    });
    const client = wire.client(port, { connectionsPerPeerMax: 1 });
    for (let round = 0; round < 5; round += 1)
      expect(await client.forward(other, orgId, [bar()], PATIENT_MS)).toEqual([recorded]);
    expect(ports.size).toBe(1);
  });

  it('are sent in parcels where one request could not carry them', async () => {
    const server = await wire.serve();
    const commands = Array.from({ length: 10 }, (_, n) => bar(`${n}`.repeat(300)));
    const outcomes = await wire
      .client(server.port, { requestBytesMax: 1_000 })
      .forward(other, orgId, commands, PATIENT_MS);
    expect(outcomes).toEqual(commands.map(() => recorded));
    expect(wire.taken.length).toBeGreaterThan(3);
    expect(wire.taken.flatMap(([, parcel]) => parcel)).toEqual(commands);
  });

  it('that nobody could record are refused without asking; the others keep their places', async () => {
    const server = await wire.serve();
    const outcomes = await wire.client(server.port).forward(other, orgId, [bar('\ud800'), bar()], PATIENT_MS);
    expect(outcomes).toMatchObject([{ kind: 'refused', refusal: { code: 'unencodable' } }, recorded]);
    expect(wire.taken.map(([, commands]) => commands)).toEqual([[bar()]]);
  });

  it('are unknown when the peer fails over them, which its operator hears', async () => {
    const server = await wire.serve({ takeForwarded: () => Promise.reject(new Error('out of memory')) });
    const outcomes = await wire.client(server.port).forward(other, orgId, [bar()], PATIENT_MS);
    expect(outcomes).toEqual(unknown('HTTP 500'));
    expect(JSON.stringify(outcomes)).not.toContain('memory');
    expect(wire.problems).toEqual(['commands of a peer could not be recorded']);
  });

  it('are unknown when nobody knows where the peer is, or nobody is there', async () => {
    const server = await wire.serve();
    await server.close();
    expect(await wire.client(server.port).forward(other, orgId, [bar()], PATIENT_MS)).toEqual(unknown('ECONNREFUSED'));
    const lost = wire.client(0, { peerUrlOf: () => undefined });
    expect(await lost.forward(other, orgId, [bar()], PATIENT_MS)).toEqual(unknown('nobody knows where it is'));
    const odd = wire.client(0, { peerUrlOf: () => 'nonsense' });
    expect(await odd.forward(other, orgId, [bar()], PATIENT_MS)).toEqual(unknown('could not be asked'));
  });

  it('are unknown when the peer is silent for too long', async () => {
    const server = await wire.serve({ takeForwarded: () => new Promise(() => undefined), closeMsMax: 1 });
    expect(await wire.client(server.port).forward(other, orgId, [bar()], 100)).toEqual(unknown('timeout'));
    expect(await wire.client(server.port).forward(other, orgId, [bar()], 0)).toEqual(unknown('no time left'));
  });

  it('are unknown when the first parcel is, and nothing more is sent', async () => {
    const server = await wire.serve({
      takeForwarded: (...args) => Promise.reject(new Error(`${wire.taken.push(args)}`)),
    });
    const client = wire.client(server.port, { requestBytesMax: 1 });
    const outcomes = await client.forward(other, orgId, [bar(), bar()], PATIENT_MS);
    expect(outcomes.map(({ kind }) => kind)).toEqual(['unknown', 'unknown']);
    expect(wire.taken).toHaveLength(1);
  });
});

describe('an answer', () => {
  const answering = (sign: (nonce: string, body: Uint8Array) => Record<string, string>, status = 200) =>
    wire.impostor((incoming, response) => {
      const body = encodeAnswer([recorded]);
      const headers = sign(String(incoming.headers[HEADERS.nonce]), body);
      incoming.resume().on('end', () => response.writeHead(status, headers).end(body));
    });
  const outcomeOf = async (port: number) => wire.client(port).forward(other, orgId, [bar()], PATIENT_MS);

  it.each([
    ['is not signed', () => ({})],
    [
      'is signed by a stranger',
      (nonce: string, body: Uint8Array) => ({
        [HEADERS.signature]: signAnswer(anotherKey, { nonce, status: 200, body }),
      }),
    ],
    [
      'was tampered with',
      (nonce: string) => ({
        [HEADERS.signature]: signAnswer(peerKey, { nonce, status: 200, body: Buffer.from('{}') }),
      }),
    ],
    [
      'belongs to another request',
      (_: string, body: Uint8Array) => ({
        [HEADERS.signature]: signAnswer(peerKey, { nonce: 'x', status: 200, body }),
      }),
    ],
    [
      'had another status',
      (nonce: string, body: Uint8Array) => ({ [HEADERS.signature]: signAnswer(peerKey, { nonce, status: 500, body }) }),
    ],
  ])('that %s says nothing', async (_, sign) => {
    expect(await outcomeOf(await answering(sign))).toEqual(unknown('is not signed by a gateway of this cluster'));
  });

  it('that is larger than any could be is not read', async () => {
    const port = await wire.impostor((_, response) => response.end('x'.repeat(10_000)));
    const client = wire.client(port, { answerBytesMax: 1_000 });
    expect(await client.forward(other, orgId, [bar()], PATIENT_MS)).toEqual(unknown('could not be asked'));
  });
});
