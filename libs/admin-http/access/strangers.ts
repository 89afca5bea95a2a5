import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { AuthenticationFailureReason, ControlPlane, Presenter } from '#control';
import { type CredentialId, isOfPlane, presentedCredential, type RequestRates } from '#http-edge';
import type { ApiKeyId, SystemTokenId } from '#kernel';
import { Problem } from '../problems/problem';

/** RFC 6750 §3: an error is named only where a credential was sent. */
export function unauthenticated(message: string, error?: string): Problem {
  const challenge = `Bearer realm="aiaas"${error === undefined ? '' : `, error="${error}"`}`;
  return new Problem(401, error ?? 'missing_credential', message, { headers: { 'www-authenticate': challenge } });
}

function tooManyRequests(waitMs: number, message: string, headers: Readonly<Record<string, string>> = {}): Problem {
  const retryAfter = String(Math.max(1, Math.ceil(waitMs / 1_000)));
  return new Problem(429, 'too_many_requests', message, { headers: { ...headers, 'retry-after': retryAfter } });
}

/** RFC 6750 §3.1: a request that includes more than one credential is malformed. */
function conflictingCredentials(): Problem {
  return new Problem(
    400,
    'conflicting_credentials',
    'The request carries different credentials, in Authorization and X-API-Key or in several lines. Send one of them.',
  );
}

/** How a plane of commands or reports meets those whom it does not know, and bounds what it refuses to anybody. */
export class Strangers {
  constructor(
    private readonly control: ControlPlane,
    private readonly rates: RequestRates,
  ) {}

  /** The secret of a request, in one of the headers that the plane takes. @throws Problem */
  secretOf(request: FastifyRequest, headers: readonly ('authorization' | 'x-api-key')[], missing: Problem): string {
    const presented = presentedCredential(request.raw);
    if (presented.kind === 'secret' && headers.includes(presented.header)) {
      this.refuseEarly(request, presented.secret);
      return presented.secret;
    }
    if (presented.kind === 'conflicting')
      throw this.refusal(request, 'differing_credentials', conflictingCredentials());
    throw this.refusal(request, 'missing_credential', missing);
  }

  /**
   * What a request that is nobody's is answered with. It is counted in the security trail, and for its address; for its
   * key, where the secret was right but lets nobody in.
   */
  refusal(
    request: FastifyRequest,
    reason: AuthenticationFailureReason,
    problem: Problem,
    presenter: Presenter = {},
  ): Problem {
    const holder = reason === 'invalid_api_key' ? undefined : presenter.keyId;
    const waitMs = holder === undefined ? this.rates.takeUnauthenticated(request.ip) : this.rates.takeRefused(holder);
    if (waitMs > 0) return refusedInShort(waitMs);
    this.control.authenticationFailures.record(request.ip, reason, presenter);
    return problem;
  }

  /** @throws Problem for a credential that was refused too often, or repeats commands too often. */
  holdBack(request: FastifyRequest, id: CredentialId): void {
    const refused = this.rates.untilAllowed(id);
    if (refused > 0)
      throw tooManyRequests(refused, 'Too many requests of this credential were refused in a short time. Slow down.');
    if (request.headers['idempotency-key'] === undefined) return;
    const free = this.rates.untilFree(id);
    if (free > 0) throw tooManyRequests(free, 'This credential repeats too many commands. Slow down.');
  }

  /** The same for a key that reads, which costs it nothing. */
  holdBackReads(request: FastifyRequest, id: CredentialId): void {
    this.holdBack(request, id);
    const free = this.rates.takeFree(id);
    if (free > 0) throw tooManyRequests(free, 'This API key reads too often. Slow down.');
  }

  /** What somebody who is known is answered with who may not ask this; it counts for their credential. */
  notTheirs(
    request: FastifyRequest,
    reason: AuthenticationFailureReason,
    presenter: { readonly keyId: ApiKeyId } | { readonly tokenId: SystemTokenId },
    problem: Problem,
  ): Problem {
    this.control.authenticationFailures.record(request.ip, reason, presenter);
    this.rates.countRefused('keyId' in presenter ? presenter.keyId : presenter.tokenId);
    return problem;
  }

  /** Counts what is refused to somebody who is known, and what is only repeated for them. */
  countRefusals(server: FastifyInstance, prefix: string, idOf: (request: FastifyRequest) => CredentialId | undefined) {
    server.addHook('onResponse', (request, reply, done) => {
      const id = isOfPlane(request, prefix) ? idOf(request) : undefined;
      // Whoever was held back for the rate was not let in, and owes nothing for it.
      const isRefused = reply.statusCode >= 400 && reply.statusCode < 500 && reply.statusCode !== 429;
      if (id !== undefined && isRefused) this.rates.countRefused(id);
      if (id !== undefined && reply.hasHeader('idempotent-replayed')) this.rates.countFree(id);
      done();
    });
  }

  /** Before other gateways are asked for what is not known here: not for an address that has been wrong so often. */
  private refuseEarly(request: FastifyRequest, secret: string): void {
    if (this.control.authentication.isAccepted(secret)) return;
    const waitMs = this.rates.untilUnauthenticated(request.ip);
    if (waitMs > 0) throw refusedInShort(waitMs);
  }
}

/** Whoever goes on after so many refusals has to connect again for the next. */
function refusedInShort(waitMs: number): Problem {
  return tooManyRequests(waitMs, 'Too many requests from this address were refused in a short time. Slow down.', {
    connection: 'close',
  });
}
