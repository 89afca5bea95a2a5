import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chatAnswer, completionAnswer, embeddingAnswer } from './answers';
import { FrameCache } from './frames';
import { DEFAULT_PLAN, type MockPlan, planFromModel } from './plan';
import { Player } from './player';
import { markerOf, type ReceivedCall, ReceivedCalls } from './received-calls';
import { type ReadRequest, readRequest } from './requests';

export interface MockUpstreamOptions {
  /** 0, the default, takes a free one. */
  readonly port?: number;
  /** A file that gets one line per call. */
  readonly logFile?: string;
}

type Body = Readonly<Record<string, unknown>>;

function parse(text: string): Body {
  const body: unknown = JSON.parse(text);
  return typeof body === 'object' && body !== null ? (body as Body) : {};
}

/**
 * An OpenAI-compatible server on this machine that does as it is told: by the next scripted plan, else by the query of
 * the model's name (see `planFromModel`). It keeps every request for assertions.
 */
export class MockUpstream {
  readonly #calls: ReceivedCalls;
  readonly #script: Partial<MockPlan>[] = [];
  readonly #frames = new FrameCache();
  #paused: { readonly text: string; readonly go: () => void }[] = [];

  private constructor(
    private readonly server: Server,
    logFile: string | undefined,
  ) {
    this.#calls = new ReceivedCalls(logFile);
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      this.#handle(request, response).catch((error: unknown) => {
        // A wrong script must fail its test loudly: as an answer that no plan makes.
        response.writeHead(501, { 'content-type': 'text/plain' }).end(String(error));
      });
    });
  }

  static async start(options: MockUpstreamOptions = {}): Promise<MockUpstream> {
    const server = createServer({ keepAliveTimeout: 60_000 });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(options.port ?? 0, '127.0.0.1', resolve);
    });
    return new MockUpstream(server, options.logFile);
  }

  /** What a backend of the catalogue names. */
  get baseUrl(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1`;
  }

  /** Calls so far, the oldest first. */
  get calls(): readonly ReceivedCall[] {
    return this.#calls.kept;
  }

  /** All calls ever received, also those no longer kept. */
  get callCount(): number {
    return this.#calls.count;
  }

  /** The call whose body holds a marker: at once when it has come, else when it comes. */
  callWith(marker: string): Promise<ReceivedCall> {
    return this.#calls.find(({ text }) => text.includes(marker));
  }

  /** The next calls are answered by these plans, one each, whatever model they name. */
  script(...plans: Partial<MockPlan>[]): void {
    this.#script.push(...plans);
  }

  /** Lets paused calls go on: all of them, or those whose body holds a marker. */
  resume(marker = ''): void {
    const going = this.#paused.filter(({ text }) => text.includes(marker));
    this.#paused = this.#paused.filter((paused) => !going.includes(paused));
    for (const { go } of going) go();
  }

  /** Forgets calls and scripts of an earlier test. */
  clear(): void {
    this.#calls.clear();
    this.#script.length = 0;
  }

  async close(): Promise<void> {
    this.resume();
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.#calls.close();
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('utf8');
    const path = request.url ?? '';
    const body = text === '' ? {} : parse(text);
    const ended = new Promise<boolean>((resolve) => response.once('close', () => resolve(response.writableFinished)));
    this.#calls.add({ path, headers: request.headers, text, body, marker: markerOf(text), ended });
    const asked = readRequest(body);
    const scripted = this.#script.shift();
    const plan = scripted === undefined ? planFromModel(asked.model) : { ...DEFAULT_PLAN, ...scripted };
    const player = new Player(response, plan, () => new Promise((go) => this.#paused.push({ text, go })));
    if (await player.open()) await this.#answer(path, plan, asked, player, response);
  }

  async #answer(path: string, plan: MockPlan, asked: ReadRequest, player: Player, response: ServerResponse) {
    const route = path.split('?', 1)[0];
    switch (route) {
      case '/v1/chat/completions':
        if (asked.stream) return player.stream(this.#frames.get('chat', plan, asked));
        return player.answer(chatAnswer(plan, asked));
      case '/v1/completions':
        if (asked.stream) return player.stream(this.#frames.get('completion', plan, asked));
        return player.answer(completionAnswer(plan, asked));
      case '/v1/embeddings':
        return player.answer(embeddingAnswer(plan, asked));
      default:
        response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":{"message":"unknown path"}}');
    }
  }
}
