import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Problem } from '#admin-http';
import { ControlUnavailableError } from '#control';
import { looksLikeSecret } from '#identity';
import type { OrganizationId, ProjectId } from '#kernel';
import { ANALYTICS_HTTP_OPTIONS, type AnalyticsHttpOptions } from './options';

/** Who reads: the platform's administrator, or an application within its own project. */
export type AnalyticsReader =
  | { readonly kind: 'system' }
  | { readonly kind: 'api-key'; readonly orgId: OrganizationId; readonly projectId: ProjectId };

const readers = new WeakMap<FastifyRequest['raw'], AnalyticsReader>();

/** Who sent a request that has passed the guard. */
export function readerOf(request: Pick<FastifyRequest, 'raw'>): AnalyticsReader {
  const reader = readers.get(request.raw);
  if (reader === undefined) throw new Error('a request was handled that no guard has let in');
  return reader;
}

function unauthenticated(message: string): Problem {
  return new Problem(401, 'invalid_token', message, { headers: { 'www-authenticate': 'Bearer realm="aiaas"' } });
}

/** Lets in the system token, and API keys with scope `analytics:read`. */
@Injectable()
export class AnalyticsGuard implements CanActivate {
  constructor(@Inject(ANALYTICS_HTTP_OPTIONS) private readonly options: AnalyticsHttpOptions) {}

  /** Where several gateways share the record, whoever any of them let in before is let in here. */
  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const secret = this.secretOf(request);
    const caughtUp = this.options.control.catchUpFor(secret);
    if (typeof caughtUp === 'boolean') return this.admit(request, secret, caughtUp);
    return caughtUp.then((isCurrent) => this.admit(request, secret, isCurrent));
  }

  private admit(request: FastifyRequest, secret: string, isCurrent: boolean): boolean {
    if (!isCurrent) throw new ControlUnavailableError('this gateway does not know what the others have recorded');
    readers.set(request.raw, this.authenticate(secret, request.ip));
    return true;
  }

  private secretOf({ headers, ip }: FastifyRequest): string {
    const bearer = /^Bearer +(\S+)$/i.exec(headers.authorization?.trim() ?? '')?.[1];
    const own = headers['x-api-key'];
    const secret = bearer ?? (typeof own === 'string' ? own : undefined);
    if (secret !== undefined) return secret;
    this.options.control.authenticationFailures.record(ip, 'missing_credential');
    throw unauthenticated('Send a token, or an API key with scope analytics:read, as "Authorization: Bearer …".');
  }

  private authenticate(secret: string, ip: string): AnalyticsReader {
    const { control } = this.options;
    if (looksLikeSecret(secret) && /^aiaas_(?:live|test)_/.test(secret)) return this.authenticateKey(secret, ip);
    const principal = control.authenticateToken(secret);
    if (principal === undefined) {
      control.authenticationFailures.record(ip, 'invalid_token');
      throw unauthenticated('This token is unknown, expired or revoked.');
    }
    if (principal.type !== 'system')
      throw new Problem(403, 'not_permitted', 'You may not do this: ask who administers the platform.');
    return { kind: 'system' };
  }

  private authenticateKey(secret: string, ip: string): AnalyticsReader {
    const { control } = this.options;
    const verdict = control.authenticateKey(secret, ip);
    if (!verdict.ok) {
      control.authenticationFailures.record(ip, verdict.code);
      if (verdict.code === 'key_suspended' || verdict.code === 'organization_suspended')
        throw new Problem(403, verdict.code, 'This API key, its owner, its project or its organization is suspended.');
      throw unauthenticated('This API key is not valid here.');
    }
    const { scopes, orgId, projectId } = verdict.key;
    if (!scopes.includes('analytics:read'))
      throw new Problem(403, 'insufficient_scope', 'This API key lacks the scope analytics:read.');
    return { kind: 'api-key', orgId, projectId };
  }
}
