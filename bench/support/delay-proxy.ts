import { connect, createServer, type Server, type Socket } from 'node:net';

/** Passes every piece on after a while, in order, and the end after the last of them. */
function passOn(from: Socket, to: Socket, delayMs: number): void {
  // Timers of one duration go off in the order in which they were set.
  const later = (run: () => void): void => {
    setTimeout(run, delayMs);
  };
  from.on('data', (piece) => later(() => to.writable && to.write(piece)));
  from.on('end', () => later(() => to.end()));
  from.on('close', () => later(() => to.destroy()));
  from.on('error', () => later(() => to.destroy()));
}

/** A long way to a server: TCP through this process, with a delay each way. */
export class DelayProxy {
  private constructor(
    private readonly server: Server,
    private readonly sockets: ReadonlySet<Socket>,
    readonly port: number,
  ) {}

  static start(target: { readonly host: string; readonly port: number }, delayMs: number): Promise<DelayProxy> {
    const sockets = new Set<Socket>();
    const server = createServer({ noDelay: true, allowHalfOpen: true }, (near) => {
      const far = connect({ ...target, noDelay: true, allowHalfOpen: true });
      passOn(near, far, delayMs);
      passOn(far, near, delayMs);
      for (const socket of [near, far]) {
        sockets.add(socket);
        socket.once('close', () => sockets.delete(socket));
      }
    });
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', () => {
        const address = server.address();
        resolve(new DelayProxy(server, sockets, typeof address === 'object' && address !== null ? address.port : 0));
      });
    });
  }

  stop(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }
}
