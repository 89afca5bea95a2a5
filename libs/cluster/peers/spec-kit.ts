import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock } from '#environment';
import { type BootId, type EventId, epochMs, type OrganizationId } from '#kernel';
import type { ForwardedCommand, ForwardedOutcome } from '#ledger';
import { HttpLedgerPeers, type HttpLedgerPeersOptions } from './http-ledger-peers';
import { PeerServer, type PeerServerOptions } from './peer-server';
import { derivePeerKey } from './signatures';

export const HOST = '127.0.0.1';
/** For what answers at once, however busy the machine is. */
export const PATIENT_MS = 20_000;
export const self = 'boot_01k00000000000000000000001' as BootId;
export const other = 'boot_01k00000000000000000000002' as BootId;
export const orgId = 'org_01k00000000000000000000000' as OrganizationId;
export const peerKey = derivePeerKey(Buffer.alloc(32, 1));
export const anotherKey = derivePeerKey(Buffer.alloc(32, 2));
export const eventId = '01980000-0000-7000-8000-000000000000' as EventId;

export const bar = (reason = 'fraud'): ForwardedCommand => ({
  command: { type: 'BarSubject', subject: { type: 'organization' }, reason },
  metadata: { actor: { type: 'system', id: 'test' } },
  deadline: epochMs(0),
});
export const recorded: ForwardedOutcome = { kind: 'recorded', eventIds: [eventId], position: 2n ** 60n };

export const unknown = (words: string) => [{ kind: 'unknown', message: expect.stringContaining(words) }];

/** Something that happens once, and can be waited for. */
export class Signal {
  readonly given: Promise<void>;
  give: () => void = () => undefined;

  constructor() {
    this.given = new Promise((resolve) => {
      this.give = resolve;
    });
  }
}

/** Two ends of a wire, and strangers on it, for one test. */
export class Wire {
  readonly taken: Parameters<PeerServerOptions['takeForwarded']>[] = [];
  readonly problems: string[] = [];
  private readonly cleanUps: (() => Promise<void>)[] = [];

  async serve(options: Partial<PeerServerOptions> = {}): Promise<PeerServer> {
    const server = await PeerServer.listen({
      self: other,
      peerKey,
      clock: systemClock,
      host: HOST,
      port: 0,
      takeForwarded: async (...args) => {
        this.taken.push(args);
        return args[1].map(() => recorded);
      },
      onProblem: ({ message }) => this.problems.push(message),
      closeMsMax: 200,
      ...options,
    });
    this.cleanUps.push(() => server.close());
    return server;
  }

  client(port: number, options: Partial<HttpLedgerPeersOptions> = {}): HttpLedgerPeers {
    const peerUrlOf = () => `http://${HOST}:${port}`;
    const client = new HttpLedgerPeers({ self, peerKey, clock: systemClock, peerUrlOf, ...options });
    this.cleanUps.push(() => client.close());
    return client;
  }

  /** A stranger who answers on a peer's port. */
  async impostor(listener: RequestListener): Promise<number> {
    const server: Server = createServer(listener);
    await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
    this.cleanUps.push(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    return (server.address() as AddressInfo).port;
  }

  async dispose(): Promise<void> {
    for (const cleanUp of this.cleanUps.reverse()) await cleanUp();
  }
}
