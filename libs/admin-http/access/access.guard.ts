import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { ControlUnavailableError, type Principal } from '#control';
import { looksLikeSecret } from '#identity';
import { ADMIN_HTTP_OPTIONS, type AdminHttpOptions } from '../options';
import { Problem } from '../problems/problem';
import { ACCESS_TABLE, type Grantee } from './access-table';
import { routeKey } from './routes';

const principals = new WeakMap<FastifyRequest['raw'], Principal>();

/** Who sent a request that has passed the guard. */
export function principalOf(request: Pick<FastifyRequest, 'raw'>): Principal {
  const principal = principals.get(request.raw);
  if (principal === undefined) throw new Error('a request was handled that no guard has let in');
  return principal;
}

/** Authenticates a request's token and looks its route up in the access table; what has no row is nobody's. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(@Inject(ADMIN_HTTP_OPTIONS) private readonly options: AdminHttpOptions) {}

  /** Where several gateways share the record, a request is handled on what any of them recorded before it arrived. */
  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const token = this.tokenOf(context.switchToHttp().getRequest<FastifyRequest>());
    const caughtUp = this.options.control.catchUpFor(token);
    if (typeof caughtUp === 'boolean') return this.admit(context, token, caughtUp);
    return caughtUp.then((isCurrent) => this.admit(context, token, isCurrent));
  }

  private admit(context: ExecutionContext, token: string, isCurrent: boolean): boolean {
    if (!isCurrent) throw new ControlUnavailableError('this gateway does not know what the others have recorded');
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const principal = this.authenticate(token, request.ip);
    const route = routeKey(context.getClass(), context.getHandler());
    const granted = route === undefined ? [] : (ACCESS_TABLE[route] ?? []);
    if (!granted.some((grantee) => isGrantee(principal, grantee)))
      throw new Problem(403, 'not_permitted', 'You may not do this: ask who administers the platform.');
    principals.set(request.raw, principal);
    return true;
  }

  private tokenOf({ headers, ip }: FastifyRequest): string {
    const [scheme = '', token = '', ...rest] = (headers.authorization ?? '').trim().split(/ +/);
    if (scheme.toLowerCase() === 'bearer' && token !== '' && rest.length === 0) return token;
    this.options.control.authenticationFailures.record(ip, 'missing_credential');
    throw unauthenticated('Send a token as "Authorization: Bearer aiaas_sys_…".');
  }

  private authenticate(token: string, ip: string): Principal {
    const { control } = this.options;
    const principal = control.authenticateToken(token);
    if (principal !== undefined) return principal;
    control.authenticationFailures.record(ip, 'invalid_token');
    const isApiKey = looksLikeSecret(token) && /^aiaas_(?:live|test)_/.test(token);
    throw unauthenticated(
      isApiKey
        ? 'An API key calls models on /v1: commands need a token, such as aiaas_sys_….'
        : 'This token is unknown, expired or revoked.',
      'invalid_token',
    );
  }
}

function isGrantee(principal: Principal, grantee: Grantee): boolean {
  switch (grantee) {
    case 'system':
      return principal.type === 'system';
  }
}

/** RFC 6750 §3: an error is named only where a credential was sent. */
function unauthenticated(message: string, error?: string): Problem {
  const challenge = `Bearer realm="aiaas"${error === undefined ? '' : `, error="${error}"`}`;
  return new Problem(401, error ?? 'missing_credential', message, { headers: { 'www-authenticate': challenge } });
}
