import type { FastifyInstance } from 'fastify';

/**
 * What every answer says unless its route says otherwise. Answers are data for programs: a browser shall neither guess
 * another type, nor run or frame anything of them, nor tell other sites where it was. Nearly all of them hold what only
 * the holder of a credential may see, so no cache may keep any; documents, which are everybody's, say so themselves.
 * Names and values as the OWASP REST security cheat sheet has them.
 */
export const SECURITY_HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
} as const;

/** Belongs before all other hooks, so that the answers of those have the headers, too. */
export function protectAnswers(server: FastifyInstance): void {
  server.addHook('onRequest', (_request, reply, done) => {
    reply.headers(SECURITY_HEADERS);
    done();
  });
}

/** For answers that are written without the framework. */
export function securityHeaderLines(): string {
  return Object.entries(SECURITY_HEADERS)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
}
