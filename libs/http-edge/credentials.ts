import type { IncomingMessage } from 'node:http';

/** What a request says about who sends it, before anybody has looked whether it is true. */
export type PresentedCredential =
  | { readonly kind: 'none' }
  /** An `Authorization` that is no bearer's. */
  | { readonly kind: 'malformed' }
  /** Several that differ: whichever were taken, something between the client and here would have taken the other. */
  | { readonly kind: 'conflicting' }
  | { readonly kind: 'secret'; readonly secret: string; readonly header: 'authorization' | 'x-api-key' };

const BEARER = /^Bearer +([!-~]+)$/i;

/** The distinct values of a header, as they were sent: Node keeps one `Authorization` of several, and joins others. */
function valuesOf(rawHeaders: readonly string[], name: string): readonly string[] {
  const values = new Set<string>();
  for (let at = 0; at < rawHeaders.length; at += 2)
    if (rawHeaders[at]?.toLowerCase() === name) values.add(rawHeaders[at + 1]?.trim() ?? '');
  values.delete('');
  return [...values];
}

/** `Authorization: Bearer` or `X-API-Key`; both, or several lines, only where they say the same. */
export function presentedCredential({ rawHeaders }: Pick<IncomingMessage, 'rawHeaders'>): PresentedCredential {
  const [authorization, ...otherAuthorizations] = valuesOf(rawHeaders, 'authorization');
  const [key, ...otherKeys] = valuesOf(rawHeaders, 'x-api-key');
  if (otherAuthorizations.length > 0 || otherKeys.length > 0) return { kind: 'conflicting' };
  if (authorization === undefined)
    return key === undefined ? { kind: 'none' } : { kind: 'secret', secret: key, header: 'x-api-key' };
  const bearer = BEARER.exec(authorization)?.[1];
  if (key !== undefined && key !== bearer) return { kind: 'conflicting' };
  return bearer === undefined ? { kind: 'malformed' } : { kind: 'secret', secret: bearer, header: 'authorization' };
}
