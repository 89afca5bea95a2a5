import type { IncomingHttpHeaders } from 'node:http';

export type Credential =
  | { readonly ok: true; readonly secret: string }
  | { readonly ok: false; readonly code: 'missing_api_key' | 'invalid_api_key' | 'conflicting_credentials' };

const BEARER = /^Bearer +([!-~]+) *$/i;

/** The API key of a request: `Authorization: Bearer` or `X-API-Key`; two that differ are a mistake worth naming. */
export function apiKeyOf(headers: IncomingHttpHeaders): Credential {
  const { authorization } = headers;
  const own = headers['x-api-key'];
  const fromHeader = typeof own === 'string' && own !== '' ? own.trim() : undefined;
  if (authorization === undefined || authorization === '')
    return fromHeader === undefined ? { ok: false, code: 'missing_api_key' } : { ok: true, secret: fromHeader };
  const bearer = BEARER.exec(authorization)?.[1];
  if (bearer === undefined) return { ok: false, code: 'invalid_api_key' };
  if (fromHeader !== undefined && fromHeader !== bearer) return { ok: false, code: 'conflicting_credentials' };
  return { ok: true, secret: bearer };
}
