import type { ServerResponse } from 'node:http';

/** A client that takes nothing for so long is treated as gone: its call would hold budget for ever. */
export const CLIENT_STALL_MS_MAX = 60_000;

/** The client's side of one call. After the client has gone, writing does nothing. */
export class ClientConnection {
  private stall: NodeJS.Timeout | undefined;
  private whenGone: (() => void) | undefined;
  private whenDrained: (() => void) | undefined;

  constructor(private readonly response: ServerResponse) {
    response.on('close', () => {
      clearTimeout(this.stall);
      if (!response.writableFinished) this.whenGone?.();
    });
    response.on('drain', () => {
      clearTimeout(this.stall);
      this.stall = undefined;
      this.whenDrained?.();
    });
    // A reset while writing is a client that left: `close` follows and tells.
    response.on('error', () => undefined);
  }

  get isGone(): boolean {
    return this.response.destroyed || this.response.closed;
  }

  get hasBegun(): boolean {
    return this.response.headersSent;
  }

  get hasEnded(): boolean {
    return this.response.writableEnded;
  }

  /** Called once, when the client leaves before its answer is finished. */
  onGone(run: () => void): void {
    this.whenGone = run;
    // It may have left before anybody asked.
    if (this.isGone && !this.response.writableFinished) run();
  }

  onDrained(run: () => void): void {
    this.whenDrained = run;
  }

  /** The whole answer at once. */
  answer(status: number, headers: Readonly<Record<string, string>>, body: string): void {
    if (this.isGone || this.hasBegun) return;
    this.response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
    // A text leaves together with its head in one write; a buffer would be a second piece.
    this.response.end(body);
  }

  beginStream(headers: Readonly<Record<string, string>>): void {
    if (this.isGone || this.hasBegun) return;
    this.response.writeHead(200, headers);
  }

  /** Answers false when the client is slow: wait for `onDrained`. */
  write(text: string): boolean {
    if (this.isGone) return true;
    const flows = this.response.write(text);
    if (!flows && this.stall === undefined)
      this.stall = setTimeout(() => this.response.destroy(), CLIENT_STALL_MS_MAX).unref();
    return flows;
  }

  end(): void {
    clearTimeout(this.stall);
    if (!this.isGone) this.response.end();
  }
}
