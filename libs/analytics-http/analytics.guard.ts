import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Accessor, Problem, Strangers } from '#admin-http';
import { ControlUnavailableError } from '#control';
import { type CredentialId, isOfPlane } from '#http-edge';
import { looksLikeSecret } from '#identity';
import type { ApiKeyId, OrganizationId, ProjectId, SystemTokenId } from '#kernel';
import type { AnalyticsHttpOptions } from './options';

export const ANALYTICS_PREFIX = '/analytics/v1';

/** Who reads: the platform's administrator, or an application within its own project. */
export type AnalyticsReader =
  | { readonly kind: 'system'; readonly tokenId: SystemTokenId }
  | {
      readonly kind: 'api-key';
      readonly keyId: ApiKeyId;
      readonly orgId: OrganizationId;
      readonly projectId: ProjectId;
    };

const readers = new WeakMap<FastifyRequest['raw'], AnalyticsReader>();

/** Who sent a request that has passed the door. */
export function readerOf(request: Pick<FastifyRequest, 'raw'>): AnalyticsReader {
  const reader = readers.get(request.raw);
  if (reader === undefined) throw new Error('a request was handled that nobody has let in');
  return reader;
}

/** Whose token a request came with, where it came with one. */
export function operatorOf(request: Pick<FastifyRequest, 'raw'>): Accessor | undefined {
  const reader = readers.get(request.raw);
  return reader?.kind === 'system' ? reader : undefined;
}

function unauthenticated(message: string): Problem {
  return new Problem(401, 'invalid_token', message, { headers: { 'www-authenticate': 'Bearer realm="aiaas"' } });
}

type DoorOptions = Pick<AnalyticsHttpOptions, 'control' | 'rates'>;

/** Lets in the system token, and API keys with scope `analytics:read`; before anything of a body is read. */
export class AnalyticsDoor {
  readonly strangers: Strangers;

  constructor(private readonly options: DoorOptions) {
    this.strangers = new Strangers(options.control, options.rates);
  }

  /** Where several gateways share the record, whoever any of them let in before is let in here. */
  async admit(request: FastifyRequest): Promise<void> {
    const missing = unauthenticated(
      'Send a token, or an API key with scope analytics:read, as "Authorization: Bearer …".',
    );
    const secret = this.strangers.secretOf(request, ['authorization', 'x-api-key'], missing);
    if (!(await this.options.control.catchUpFor(secret)))
      throw new ControlUnavailableError('this gateway does not know what the others have recorded');
    const isKey = looksLikeSecret(secret) && /^aiaas_(?:live|test)_/.test(secret);
    readers.set(request.raw, isKey ? this.keyOf(secret, request) : this.operatorOf(secret, request));
  }

  private operatorOf(secret: string, request: FastifyRequest): AnalyticsReader {
    const { control } = this.options;
    const principal = control.authenticateToken(secret);
    if (principal === undefined) {
      const tokenId = control.authentication.claimedToken(secret);
      const problem = unauthenticated('This token is unknown, expired or revoked.');
      throw this.strangers.refusal(request, 'invalid_token', problem, tokenId === undefined ? {} : { tokenId });
    }
    const { tokenId } = principal;
    this.strangers.holdBack(request, tokenId);
    if (principal.type !== 'system') {
      const problem = new Problem(403, 'not_permitted', 'You may not do this: ask who administers the platform.');
      throw this.strangers.notTheirs(request, 'not_permitted', { tokenId }, problem);
    }
    return { kind: 'system', tokenId };
  }

  private keyOf(secret: string, request: FastifyRequest): AnalyticsReader {
    const verdict = this.options.control.authenticateKey(secret, request.ip);
    if (!verdict.ok) {
      const { code, keyId } = verdict;
      const isSuspended = code === 'key_suspended' || code === 'organization_suspended';
      const problem = isSuspended
        ? new Problem(403, code, 'This API key, its owner, its project or its organization is suspended.')
        : unauthenticated('This API key is not valid here.');
      throw this.strangers.refusal(request, code, problem, keyId === undefined ? {} : { keyId });
    }
    const { keyId, scopes, orgId, projectId } = verdict.key;
    this.strangers.holdBackReads(request, keyId);
    if (!scopes.includes('analytics:read')) {
      const problem = new Problem(403, 'insufficient_scope', 'This API key lacks the scope analytics:read.');
      throw this.strangers.notTheirs(request, 'insufficient_scope', { keyId }, problem);
    }
    return { kind: 'api-key', keyId, orgId, projectId };
  }
}

function idOf(request: FastifyRequest): CredentialId | undefined {
  const reader = readers.get(request.raw);
  return reader?.kind === 'api-key' ? reader.keyId : reader?.tokenId;
}

export function guardPlane(server: FastifyInstance, options: DoorOptions): void {
  const door = new AnalyticsDoor(options);
  server.addHook('onRequest', async (request) => {
    if (isOfPlane(request, ANALYTICS_PREFIX)) await door.admit(request);
  });
  door.strangers.countRefusals(server, ANALYTICS_PREFIX, idOf);
}

/** Holds every handler to what the door has admitted. */
@Injectable()
export class AnalyticsGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    return readers.has(context.switchToHttp().getRequest<FastifyRequest>().raw);
  }
}
