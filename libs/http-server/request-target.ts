const UNRESERVED = /^[A-Za-z0-9\-._~]$/;

/** Whether nothing in a target could be written in another way; so it is with nearly every request. */
function isPlain(target: string): boolean {
  return target.startsWith('/') && !/%|#|\/\/|\/\./.test(target);
}

/** RFC 3986 §6.2.2.2: what needs no encoding is written as itself, and what does with capital digits. */
function decodeUnreserved(path: string): string {
  return path.replace(/%([0-9A-Fa-f]{2})/g, (encoded, hex: string) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16));
    return UNRESERVED.test(character) ? character : encoded.toUpperCase();
  });
}

/** RFC 3986 §5.2.4. */
function withoutDotSegments(path: string): string {
  const kept: string[] = [];
  const segments = path.split('/').slice(1);
  for (const [index, segment] of segments.entries()) {
    if (segment === '..') kept.pop();
    else if (segment !== '.') kept.push(segment);
    if ((segment === '.' || segment === '..') && index === segments.length - 1) kept.push('');
  }
  return `/${kept.join('/')}`;
}

/**
 * The one way to write a request's target: a path without scheme and host, dot segments, empty segments, fragment, or
 * encoded characters that need no encoding. Every rule that looks at a path (which plane it belongs to, what guards it,
 * how its errors look) sees this one, so that none can be passed by writing it differently. An encoded slash stays
 * encoded: it is a part of a name. What is no path at all (`*`) stays what it is.
 */
export function canonicalTarget(target: string): string {
  if (isPlain(target)) return target;
  const [withoutFragment = ''] = target.split('#', 1);
  const relative = withoutFragment.replace(/^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?]*/, '');
  const isAbsolute = relative.length < withoutFragment.length;
  const rooted = isAbsolute && !relative.startsWith('/') ? `/${relative}` : relative;
  if (!rooted.startsWith('/')) return rooted;
  const queryAt = rooted.indexOf('?');
  const path = queryAt === -1 ? rooted : rooted.slice(0, queryAt);
  const query = queryAt === -1 ? '' : rooted.slice(queryAt);
  return withoutDotSegments(decodeUnreserved(path).replace(/\/{2,}/g, '/')) + query;
}
