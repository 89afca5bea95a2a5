import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Json = Readonly<Record<string, unknown>>;

/** One request as it arrived, and the connection to answer it on. */
export interface Heard {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Json;
  readonly response: ServerResponse;
}

/** A backend on this machine that says what its test wants; it keeps what it was asked. */
export class TalkingBackend {
  readonly heard: Heard[] = [];

  private constructor(private readonly server: Server) {}

  static async start(answer: (heard: Heard) => void): Promise<TalkingBackend> {
    const server = createServer();
    const backend = new TalkingBackend(server);
    server.on('request', async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const text = Buffer.concat(chunks).toString('utf8');
      const body = (text === '' ? {} : JSON.parse(text)) as Json;
      const one = { path: request.url ?? '', headers: request.headers, body, response };
      backend.heard.push(one);
      answer(one);
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    return backend;
  }

  get baseUrl(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((closed) => this.server.close(closed));
  }
}

export function answerJson({ response }: Heard, body: Json, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

export function answerFrames({ response }: Heard, frames: readonly string[]): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' }).end(frames.join(''));
}

/** As a proxy does whose login or maintenance page stands in for the backend. */
export function answerPage({ response }: Heard): void {
  response
    .writeHead(200, { 'content-type': 'text/html; charset=utf-8' })
    .end('<!DOCTYPE html>\n<p>Down for today.</p>\n');
}

/** Breaks the connection once everything that was said has left. */
export function breakOff({ response }: Heard): void {
  response.write(': \n\n', () => response.socket?.destroy());
}
