import { connect, type Socket } from 'node:net';
import { type Answer, AnswerReader } from './answer-reader';

/** One kept-alive connection that sends the next request whenever an answer is complete. */
export class LoadConnection {
  readonly #reader = new AnswerReader();
  #socket: Socket | undefined;
  #sentMs = 0;
  #isStopped = false;

  constructor(
    private readonly port: number,
    private readonly nextRequest: () => Buffer,
    private readonly onAnswer: (answer: Answer, latencyMs: number, endedMs: number) => void,
    private readonly onBroken: (reason: string) => void,
  ) {}

  start(): void {
    const socket = connect({ port: this.port, host: '127.0.0.1', noDelay: true });
    this.#socket = socket;
    socket.once('connect', () => this.#send());
    socket.on('data', (piece) => this.#take(piece));
    socket.on('error', (error) => this.#broken(error.message));
    socket.on('close', () => this.#broken('the connection was closed'));
  }

  stop(): void {
    this.#isStopped = true;
    this.#socket?.destroy();
  }

  #broken(reason: string): void {
    if (this.#isStopped) return;
    this.stop();
    this.onBroken(reason);
  }

  #send(): void {
    if (this.#isStopped) return;
    this.#sentMs = performance.now();
    this.#socket?.write(this.nextRequest());
  }

  #take(piece: Buffer): void {
    if (this.#isStopped) return;
    try {
      const answer = this.#reader.push(piece);
      if (answer === undefined) return;
      const now = performance.now();
      this.onAnswer(answer, now - this.#sentMs, now);
      this.#send();
    } catch (error) {
      this.#broken(error instanceof Error ? error.message : String(error));
    }
  }
}
