import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ControlUnavailableError, type Principal } from '#control';
import { isOfPlane } from '#http-edge';
import { looksLikeSecret } from '#identity';
import type { AdminHttpOptions } from '../options';
import { Problem } from '../problems/problem';
import { ACCESS_TABLE, type Grantee } from './access-table';
import { ADMIN_PREFIX } from './routes';
import { Strangers, unauthenticated } from './strangers';

/** Who was let in, and for which route of the table. */
export interface Admission {
  readonly principal: Principal;
  /** Absent where nothing is served: then there is nothing to be granted either. */
  readonly route?: string;
}

const admissions = new WeakMap<FastifyRequest['raw'], Admission>();

export function admissionOf(request: Pick<FastifyRequest, 'raw'>): Admission | undefined {
  return admissions.get(request.raw);
}

/** Who sent a request that has passed the door. */
export function principalOf(request: Pick<FastifyRequest, 'raw'>): Principal {
  const admission = admissions.get(request.raw);
  if (admission === undefined) throw new Error('a request was handled that nobody has let in');
  return admission.principal;
}

type DoorOptions = Pick<AdminHttpOptions, 'control' | 'rates'>;

/**
 * Authenticates a request's token and looks its route up in the access table, before anything of its body is read: what a
 * stranger sends is nobody's to take in. What has no row is nobody's.
 */
export class AccessDoor {
  readonly strangers: Strangers;

  constructor(private readonly options: DoorOptions) {
    this.strangers = new Strangers(options.control, options.rates);
  }

  /** Where several gateways share the record, a request is handled on what any of them recorded before it arrived. */
  async admit(request: FastifyRequest): Promise<void> {
    const { control } = this.options;
    const missing = unauthenticated('Send a token as "Authorization: Bearer aiaas_sys_…".');
    const token = this.strangers.secretOf(request, ['authorization'], missing);
    if (!(await control.catchUpFor(token)))
      throw new ControlUnavailableError('this gateway does not know what the others have recorded');
    const principal = this.authenticate(token, request);
    this.strangers.holdBack(request, principal.tokenId);
    const route = routeOf(request);
    if (route === undefined) {
      admissions.set(request.raw, { principal });
      return;
    }
    const granted = ACCESS_TABLE[route] ?? [];
    if (!granted.some((grantee) => isGrantee(principal, grantee))) {
      const problem = new Problem(403, 'not_permitted', 'You may not do this: ask who administers the platform.');
      throw this.strangers.notTheirs(request, 'not_permitted', { tokenId: principal.tokenId }, problem);
    }
    admissions.set(request.raw, { principal, route });
  }

  private authenticate(token: string, request: FastifyRequest): Principal {
    const { control } = this.options;
    const principal = control.authenticateToken(token);
    if (principal !== undefined) return principal;
    const isApiKey = looksLikeSecret(token) && /^aiaas_(?:live|test)_/.test(token);
    const problem = unauthenticated(
      isApiKey
        ? 'An API key calls models on /v1: commands need a token, such as aiaas_sys_….'
        : 'This token is unknown, expired or revoked.',
      'invalid_token',
    );
    const tokenId = control.authentication.claimedToken(token);
    throw this.strangers.refusal(request, 'invalid_token', problem, tokenId === undefined ? {} : { tokenId });
  }
}

/** Belongs before whatever reads bodies. */
export function guardPlane(server: FastifyInstance, options: DoorOptions): void {
  const door = new AccessDoor(options);
  server.addHook('onRequest', async (request) => {
    if (isOfPlane(request, ADMIN_PREFIX)) await door.admit(request);
  });
  door.strangers.countRefusals(server, ADMIN_PREFIX, (request) => admissionOf(request)?.principal.tokenId);
}

/** As the table names it. The framework answers HEAD where it answers GET. */
function routeOf({ method, routeOptions }: FastifyRequest): string | undefined {
  const { url } = routeOptions;
  return url === undefined ? undefined : `${method === 'HEAD' ? 'GET' : method} ${url}`;
}

function isGrantee(principal: Principal, grantee: Grantee): boolean {
  switch (grantee) {
    case 'system':
      return principal.type === 'system';
  }
}
