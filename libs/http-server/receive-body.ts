import type { IncomingMessage } from 'node:http';
import { type BodyShare, parsedBytes } from './body-memory';
import { type JsonLimits, JsonScale } from './json-scale';

export interface BodyLimits {
  readonly bytesMax: number;
  readonly json: JsonLimits;
  /** A body that brings less than `bytesMin` in so long is not waited for. Default: 1 KiB in 15 s. */
  readonly progress?: { readonly windowMs: number; readonly bytesMin: number };
}

export type BodyProblem =
  | 'too-large'
  | 'too-slow'
  | 'too-deep'
  | 'too-many-values'
  /** Too much memory is taken by bodies, of this owner or of all. */
  | 'no-room'
  /** Its client has left in the middle. */
  | 'left';

/** A body that was not received to its end; the rest of it is thrown away. */
export class BodyFailure {
  constructor(readonly problem: BodyProblem) {}
}

const PROGRESS = { windowMs: 15_000, bytesMin: 1024 };
const FIRST_BYTES = 64 * 1024;

/** Bytes one behind the other, however small the pieces are in which they come: each piece costs its bytes alone. */
class Collected {
  private room: Buffer | undefined;
  length = 0;

  constructor(private readonly bytesExpected: number) {}

  /** How much memory there would be with so many bytes more. */
  sizeWith(bytes: number): number {
    const needed = this.length + bytes;
    if (this.room !== undefined && needed <= this.room.length) return this.room.length;
    const doubled = Math.max(needed, 2 * (this.room?.length ?? FIRST_BYTES / 2));
    return Math.max(needed, Math.min(doubled, this.bytesExpected));
  }

  add(chunk: Buffer): void {
    const size = this.sizeWith(chunk.length);
    if (this.room === undefined || size > this.room.length) {
      const room = Buffer.allocUnsafeSlow(size);
      this.room?.copy(room, 0, 0, this.length);
      this.room = room;
    }
    chunk.copy(this.room, this.length);
    this.length += chunk.length;
  }

  whole(): Buffer {
    return this.room?.subarray(0, this.length) ?? Buffer.alloc(0);
  }
}

/** One body on its way. */
class Reception {
  private readonly scale: JsonScale;
  private readonly bytes: Collected;
  private readonly timer: NodeJS.Timeout;
  private markedLength = 0;

  constructor(
    private readonly request: IncomingMessage,
    private readonly limits: BodyLimits,
    private readonly share: BodyShare,
    private readonly over: (end: Buffer | BodyFailure) => void,
  ) {
    const announced = Number(request.headers['content-length'] ?? Number.NaN);
    this.scale = new JsonScale(limits.json);
    this.bytes = new Collected(Number.isFinite(announced) ? announced : limits.bytesMax);
    const { windowMs, bytesMin } = limits.progress ?? PROGRESS;
    this.timer = setInterval(() => this.lookForProgress(bytesMin), windowMs).unref();
    if (announced > limits.bytesMax) {
      this.end(new BodyFailure('too-large'));
      return;
    }
    request.on('data', this.take).on('end', this.finish).on('error', this.leave).on('close', this.leave);
  }

  private readonly take = (chunk: Buffer): void => {
    const problem = this.problemWith(chunk);
    if (problem === undefined) this.bytes.add(chunk);
    else this.end(new BodyFailure(problem));
  };

  private problemWith(chunk: Buffer): BodyProblem | undefined {
    if (this.bytes.length + chunk.length > this.limits.bytesMax) return 'too-large';
    const tooMuch = this.scale.take(chunk);
    if (tooMuch !== undefined) return tooMuch;
    return this.share.hold(this.bytes.sizeWith(chunk.length)) ? undefined : 'no-room';
  }

  private readonly finish = (): void => {
    const body = this.bytes.whole();
    this.end(this.share.hold(parsedBytes(body, this.scale.weight)) ? body : new BodyFailure('no-room'));
  };

  private readonly leave = (): void => this.end(new BodyFailure('left'));

  private lookForProgress(bytesMin: number): void {
    // What has come while this process was busy is still to be read.
    setImmediate(() => {
      if (this.bytes.length - this.markedLength < bytesMin) this.end(new BodyFailure('too-slow'));
      this.markedLength = this.bytes.length;
    });
  }

  private end(end: Buffer | BodyFailure): void {
    clearInterval(this.timer);
    const { request } = this;
    request.off('data', this.take).off('end', this.finish).off('close', this.leave);
    // The listener of errors stays: whatever the connection meets later is nobody's affair any more.
    if (end instanceof BodyFailure) request.resume();
    this.over(end);
  }
}

/**
 * Receives the JSON text of a request within limits, all of which are looked at while it arrives: nothing is reserved
 * for what was only announced, and what is too much is refused before the rest has come. What it holds of the memory
 * stays held, for what is parsed of it, until the share is released.
 */
export function receiveBody(
  request: IncomingMessage,
  limits: BodyLimits,
  share: BodyShare,
): Promise<Buffer | BodyFailure> {
  return new Promise((resolve) => {
    new Reception(request, limits, share, resolve);
  });
}
