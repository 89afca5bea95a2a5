import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { FastifyInstance } from 'fastify';

/** A document that anybody may read, as it was at the start of the process. */
export interface StoredDocument {
  readonly path: string;
  readonly type: string;
  /** Of pages only: what they may load and run. */
  readonly contentSecurityPolicy?: string;
  readonly plain: Representation;
  readonly compressed: Representation;
}

interface Representation {
  readonly bytes: Buffer;
  /** Strong, with its quotes. */
  readonly etag: string;
}

const compress = promisify(gzip);

function representation(bytes: Buffer): Representation {
  return { bytes, etag: `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"` };
}

export async function storedDocument(
  content: Pick<StoredDocument, 'path' | 'type' | 'contentSecurityPolicy'> & { readonly bytes: Buffer },
): Promise<StoredDocument> {
  const { bytes, ...rest } = content;
  return { ...rest, plain: representation(bytes), compressed: representation(await compress(bytes)) };
}

/** A coding that is named with q=0 is refused. */
function takesGzip(accepted: string | undefined): boolean {
  const named = /(?:^|,)\s*(?:gzip|\*)\s*(?:;\s*q=([\d.]+)\s*)?(?:,|$)/i.exec(accepted ?? '');
  return named !== null && Number(named[1] ?? 1) > 0;
}

/** RFC 9110 §13.1.2: tags are compared weakly. */
function isKnown(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.split(',').some((tag) => ['*', etag, `W/${etag}`].includes(tag.trim()));
}

function chosen({ plain, compressed }: StoredDocument, headers: IncomingHttpHeaders) {
  return takesGzip(headers['accept-encoding'])
    ? { ...compressed, coding: { 'content-encoding': 'gzip' } }
    : { ...plain, coding: {} };
}

/**
 * Serves documents from the bytes that were made once: a stranger's request costs a look-up, whatever the document's
 * size. Clients keep them and ask whether they have changed.
 */
export function serveDocuments(server: FastifyInstance, documents: readonly StoredDocument[]): void {
  for (const document of documents)
    server.get(document.path, { exposeHeadRoute: true }, (request, reply) => {
      const { bytes, etag, coding } = chosen(document, request.headers);
      reply.headers({ 'cache-control': 'no-cache', vary: 'Accept-Encoding', etag });
      if (isKnown(request.headers['if-none-match'], etag)) return reply.code(304).send();
      const { type, contentSecurityPolicy } = document;
      if (contentSecurityPolicy !== undefined) reply.header('content-security-policy', contentSecurityPolicy);
      return reply.headers({ ...coding, 'content-type': type }).send(bytes);
    });
}
