import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** Stands before a server that cannot be told to hold what it is sent, and passes bytes on until it is told not to. */
export class Relay {
  private readonly sockets = new Set<Socket>();
  private isHeld = false;

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  static async before(serverPort: number): Promise<Relay> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const relay = new Relay(server, (server.address() as AddressInfo).port);
    server.on('connection', (near) => relay.join(near, connect(serverPort, '127.0.0.1')));
    // A test that forgets it is not kept alive by it.
    server.unref();
    return relay;
  }

  hold(): void {
    this.isHeld = true;
    for (const socket of this.sockets) socket.pause();
  }

  letGo(): void {
    this.isHeld = false;
    for (const socket of this.sockets) socket.resume();
  }

  close(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private join(near: Socket, far: Socket): void {
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.sockets.add(from);
      // Not a pipe: that would let a socket flow again by itself which is to be held.
      from.on('data', (chunk) => to.write(chunk));
      from.on('error', () => undefined);
      from.on('close', () => {
        this.sockets.delete(from);
        to.destroy();
      });
      if (this.isHeld) from.pause();
      from.unref();
    }
  }
}
