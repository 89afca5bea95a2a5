import type { BodyFailure, UpstreamBody } from './port';

export type BodyText =
  | { readonly kind: 'text'; readonly text: string }
  /** More than allowed: the rest was given up. */
  | { readonly kind: 'too-large' }
  | { readonly kind: 'failure'; readonly failure: BodyFailure };

function textOf(chunks: readonly Uint8Array[]): string {
  const [first] = chunks;
  const bytes = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

/** Reads a whole body as UTF-8 text, but no more than `bytesMax`. Never rejects. */
export function readBody(body: UpstreamBody, bytesMax: number): Promise<BodyText> {
  return new Promise((resolve) => {
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    body.pipe({
      onChunk(chunk) {
        bytes += chunk.length;
        if (bytes > bytesMax) {
          body.discard();
          resolve({ kind: 'too-large' });
          return false;
        }
        chunks.push(chunk);
        return true;
      },
      onEnd: () => resolve({ kind: 'text', text: textOf(chunks) }),
      onFailure: (failure) => resolve({ kind: 'failure', failure }),
    });
  });
}
