import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

const HOST = '127.0.0.1';

/**
 * The cable between clients and a server: it forwards bytes, and can be cut, blocked or taken away as a network or a
 * killed process would, which no gRPC server does to itself.
 */
export class Wire {
  #server: Server | undefined;
  #port = 0;
  #stalled = false;
  readonly #links = new Map<Socket, Socket>();

  constructor(private readonly targetPort: number) {}

  get port(): number {
    return this.#port;
  }

  /** Accepts connections; after `close`, on the same port as before. */
  async open(): Promise<void> {
    const server = createServer((socket) => this.#link(socket));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#port, HOST, resolve);
    });
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Resets every connection; new ones are accepted. */
  cut(): void {
    for (const [near, far] of this.#links) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
    this.#links.clear();
  }

  /** Connections stay open and new ones are taken, but no byte passes. */
  stall(): void {
    this.#stalled = true;
    for (const [near, far] of this.#links) {
      near.unpipe(far);
      far.unpipe(near);
    }
  }

  /** What was held back passes now. */
  resume(): void {
    this.#stalled = false;
    for (const [near, far] of this.#links) {
      near.pipe(far);
      far.pipe(near);
    }
  }

  /** Resets every connection and refuses new ones. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.cut();
    if (server !== undefined) await new Promise((resolve) => server.close(resolve));
  }

  #link(near: Socket): void {
    const far = connect(this.targetPort, HOST);
    this.#links.set(near, far);
    for (const socket of [near, far]) {
      socket.setNoDelay(true);
      // Whatever ends one side ends the other; the reason does not matter to a cable.
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#links.delete(near);
        near.destroy();
        far.destroy();
      });
    }
    if (this.#stalled) return;
    near.pipe(far);
    far.pipe(near);
  }
}
