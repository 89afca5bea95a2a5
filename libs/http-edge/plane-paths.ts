import type { FastifyRequest } from 'fastify';

/** The path as a router sees it: without the query, and with its percent-encoding undone where that can be. */
function pathOf(url: string): string {
  const [path = ''] = url.split(/[?#;]/, 1);
  try {
    return decodeURI(path);
  } catch {
    return path;
  }
}

/**
 * Whether a request is a plane's, whose prefix has no slash at its end. The route that was found says so, however its path
 * was written; where none was found, the path.
 */
export function isOfPlane(request: Pick<FastifyRequest, 'raw' | 'routeOptions'>, prefix: string): boolean {
  const path = request.routeOptions.url ?? pathOf(request.raw.url ?? '');
  return path === prefix || path.startsWith(`${prefix}/`);
}
