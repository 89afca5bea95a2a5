import type { IncomingMessage } from 'node:http';

export class BodyTooLargeError extends Error {
  override readonly name = 'BodyTooLargeError';
  constructor(bytesMax: number) {
    super(`A body may have ${bytesMax} bytes.`);
  }
}

/** Whoever sent it has left in the middle. */
export class SenderLeftError extends Error {
  override readonly name = 'SenderLeftError';
}

/**
 * The whole body of a request.
 * @throws SenderLeftError
 * @throws BodyTooLargeError as soon as it is known to be larger; the rest is not read.
 */
export function readBody(request: IncomingMessage, bytesMax: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    if (Number(request.headers['content-length'] ?? 0) > bytesMax) return reject(new BodyTooLargeError(bytesMax));
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > bytesMax) {
        request.pause();
        return reject(new BodyTooLargeError(bytesMax));
      }
      chunks.push(chunk);
    });
    request.on('end', () => resolve(Buffer.concat(chunks)));
    request.on('error', (cause) => reject(new SenderLeftError('the connection broke', { cause })));
    request.on('close', () => reject(new SenderLeftError('the connection was closed')));
  });
}
