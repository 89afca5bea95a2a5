import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface RawAnswer {
  readonly status: number;
  /** By their names in small letters. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** The head of a request, to the letter as given; `Host` is added. */
export function head(start: string, headers: Readonly<Record<string, string | number>> = {}): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${start} HTTP/1.1\r\nHost: x\r\n${lines.join('')}\r\n`;
}

/** A whole request with a body of JSON. */
export function posting(
  path: string,
  body: string,
  headers: Readonly<Record<string, string | number>> = {},
  method = 'POST',
): string {
  const framing = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
  return head(`${method} ${path}`, { ...headers, ...framing }) + body;
}

function parseHead(text: string): Omit<RawAnswer, 'body'> {
  const [first = '', ...lines] = text.split('\r\n');
  const headers = lines.map((line): readonly [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  return { status: Number(first.split(' ')[1]), headers: new Map(headers) };
}

/** Whole answers at the beginning of what was received; a stream counts once its last chunk is there. */
function answersIn(text: string): RawAnswer[] {
  const answers: RawAnswer[] = [];
  let rest = text;
  for (;;) {
    const end = rest.indexOf('\r\n\r\n');
    if (end === -1) return answers;
    const answer = parseHead(rest.slice(0, end));
    rest = rest.slice(end + 4);
    if (answer.status < 200) continue;
    const isChunked = answer.headers.get('transfer-encoding') === 'chunked';
    const length = isChunked ? rest.indexOf('0\r\n\r\n') + 5 : Number(answer.headers.get('content-length') ?? 0);
    if (rest.length < length || (isChunked && length < 5)) return answers;
    answers.push({ ...answer, body: rest.slice(0, length) });
    rest = rest.slice(length);
  }
}

/** One TCP connection over which anything can be sent, as no HTTP client would. Bytes are read as Latin-1. */
export class RawConnection {
  #received = '';
  #changed: (() => void)[] = [];
  #isOver = false;

  private constructor(private readonly socket: Socket) {
    socket.on('data', (bytes) => {
      this.#received += bytes.toString('latin1');
      this.#tell();
    });
    // The other side hangs up on what it does not want; `close` follows.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#isOver = true;
      this.#tell();
    });
  }

  /** @param from the address to come from; loopback has 127.0.0.2 and many more. */
  static async open(url: string | number, from?: string): Promise<RawConnection> {
    const port = typeof url === 'number' ? url : Number(new URL(url).port);
    const socket = connect({ port, host: '127.0.0.1', ...(from === undefined ? {} : { localAddress: from }) });
    const connection = new RawConnection(socket);
    if (socket.connecting) await once(socket, 'connect');
    return connection;
  }

  /** Sends bytes as they are; resolves when the system has taken them or the connection has ended. */
  send(bytes: string | Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      if (this.socket.destroyed) return resolve();
      this.socket.once('close', resolve);
      this.socket.write(bytes, () => {
        this.socket.off('close', resolve);
        resolve();
      });
    });
  }

  get received(): string {
    return this.#received;
  }

  /** Whether the other side has ended it, or this one. */
  get isOver(): boolean {
    return this.#isOver;
  }

  get answers(): readonly RawAnswer[] {
    return answersIn(this.#received);
  }

  /** Once so many answers have come whole. @throws Error when the connection ends before. */
  async answer(count = 1): Promise<RawAnswer> {
    await this.#until(() => this.answers.length >= count || this.#isOver);
    const answer = this.answers[count - 1];
    if (answer === undefined) throw new Error(`the connection ended without answer ${count}: ${this.#received}`);
    return answer;
  }

  /** Once a text has come. @throws Error when the connection ends before. */
  async heard(text: string): Promise<void> {
    await this.#until(() => this.#received.includes(text) || this.#isOver);
    if (!this.#received.includes(text)) throw new Error(`the connection ended without "${text}": ${this.#received}`);
  }

  /** Once the connection has ended; everything that came. */
  async over(): Promise<string> {
    await this.#until(() => this.#isOver);
    return this.#received;
  }

  /** Reads no more, so that the other side cannot get rid of its answer. */
  stopReading(): void {
    this.socket.pause();
  }

  /** Leaves without a word, as a client that dies does. */
  leave(): void {
    this.socket.resetAndDestroy();
  }

  async #until(holds: () => boolean): Promise<void> {
    while (!holds())
      await new Promise<void>((resolve) => {
        this.#changed.push(resolve);
      });
  }

  #tell(): void {
    for (const tell of this.#changed.splice(0)) tell();
  }
}

/** One request on a connection of its own, and its answer. */
export async function exchange(url: string | number, request: string | Uint8Array, from?: string): Promise<RawAnswer> {
  const connection = await RawConnection.open(url, from);
  try {
    await connection.send(request);
    return await connection.answer();
  } finally {
    connection.leave();
  }
}
