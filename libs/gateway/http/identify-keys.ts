import type { FastifyReply, FastifyRequest } from 'fastify';
import { type PresentedCredential, presentedCredential } from '#http-edge';
import type { ErrorCode } from '#inference/openai';
import type { ApiKeyId } from '#kernel';
import type { AuthenticatedKey, AuthenticationFailure, KeyVerdict } from './ports';
import { sendError, type V1Options } from './v1-request';

/** What a request is refused with whose credential is none that could be looked up. */
const UNUSABLE = {
  none: 'missing_api_key',
  malformed: 'invalid_api_key',
  conflicting: 'conflicting_credentials',
} as const satisfies Record<Exclude<PresentedCredential['kind'], 'secret'>, ErrorCode>;

/** Another gateway may have issued the key meanwhile, or resumed its organization: nothing else is ever taken back. */
function mayHaveChanged(verdict: KeyVerdict): boolean {
  return !verdict.ok && (verdict.code === 'invalid_api_key' || verdict.code === 'organization_suspended');
}

type Doors = Pick<V1Options, 'authenticator' | 'addressOf' | 'rates'>;

/** Says whose a request is; one that is nobody's is answered, and counts for its address or for its key. */
export function identifyKeys({ authenticator, addressOf, rates }: Doors) {
  const refuse = (
    request: FastifyRequest,
    reply: FastifyReply,
    address: string,
    code: Exclude<AuthenticationFailure, 'foreign_id' | 'insufficient_scope'>,
    keyId?: ApiKeyId,
  ): undefined => {
    // A wrong secret may be anybody's; one that is right, but lets nobody in, is its holder's.
    const isHolder = keyId !== undefined && code !== 'invalid_api_key';
    const waitMs = isHolder ? rates.takeRefused(keyId) : rates.takeUnauthenticated(address);
    if (waitMs > 0) return refuseInShort(request, reply, waitMs);
    authenticator.authenticationFailed(address, code, keyId);
    sendError(request, reply, code);
    return undefined;
  };
  return async (request: FastifyRequest, reply: FastifyReply): Promise<AuthenticatedKey | undefined> => {
    const credential = presentedCredential(request.raw);
    const address = addressOf(request);
    if (credential.kind !== 'secret') return refuse(request, reply, address, UNUSABLE[credential.kind]);
    let verdict = authenticator.authenticateKey(credential.secret, address);
    if (mayHaveChanged(verdict)) {
      // Looking costs the others something, too: not for an address that has been wrong so often.
      const waitMs = rates.untilUnauthenticated(address);
      if (waitMs > 0) return refuseInShort(request, reply, waitMs);
      const looked = authenticator.lookFor?.(credential.secret);
      if (looked !== undefined) {
        // A key that cannot be looked up is not called invalid: a client would throw it away.
        if (!(await looked)) {
          sendError(request, reply, 'not_ready', { retryAfterMs: 1_000 });
          return undefined;
        }
        verdict = authenticator.authenticateKey(credential.secret, address);
      }
    }
    return verdict.ok ? verdict.key : refuse(request, reply, address, verdict.code, verdict.keyId);
  };
}

/** Whoever goes on after so many refusals gets no more than this, and has to connect again for the next. */
function refuseInShort(request: FastifyRequest, reply: FastifyReply, retryAfterMs: number): undefined {
  reply.header('connection', 'close');
  sendError(request, reply, 'too_many_requests', { retryAfterMs });
  return undefined;
}
