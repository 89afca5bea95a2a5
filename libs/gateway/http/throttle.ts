import type { FastifyReply, FastifyRequest } from 'fastify';
import type { RequestRates } from '#http-edge';
import { ERROR_CODES, type ErrorCode } from '#inference/openai';
import type { AuthenticatedKey } from './ports';
import { sendError, type V1Options } from './v1-request';

const REFUSED_TOO_OFTEN = 'Too many requests of this key were refused in a short time. See why, and slow down.';
const ASKED_TOO_OFTEN = 'This key asks too often for what runs no model. Slow down.';

/** Whether a key must wait before its request is looked at; answers it then. */
export function isThrottled(
  rates: RequestRates,
  request: FastifyRequest,
  reply: FastifyReply,
  { keyId }: AuthenticatedKey,
): boolean {
  const refused = rates.untilAllowed(keyId);
  if (refused > 0) {
    sendError(request, reply, 'too_many_requests', { message: REFUSED_TOO_OFTEN, retryAfterMs: refused });
    return true;
  }
  const free = freeWait(rates, request, keyId);
  if (free === 0) return false;
  sendError(request, reply, 'too_many_requests', { message: ASKED_TOO_OFTEN, retryAfterMs: free });
  return true;
}

/** Calls are the ledger's to limit; but one with an Idempotency-Key may turn out to be a repeat, which costs nothing. */
function freeWait(
  rates: RequestRates,
  { routeOptions, headers }: FastifyRequest,
  keyId: AuthenticatedKey['keyId'],
): number {
  if (routeOptions.config.runsModels !== true) return rates.takeFree(keyId);
  return headers['idempotency-key'] === undefined ? 0 : rates.untilFree(keyId);
}

/** Counts what a known key is refused: against its rate where it is the key's doing, and in the security trail. */
export function refusalsOf(
  { rates, authenticator, addressOf }: Pick<V1Options, 'rates' | 'authenticator' | 'addressOf'>,
  request: FastifyRequest,
  { keyId }: AuthenticatedKey,
): (why: ErrorCode | 'foreign_id') => void {
  return (why) => {
    if (why === 'foreign_id' || why === 'insufficient_scope')
      authenticator.authenticationFailed(addressOf(request), why, keyId);
    if (why !== 'foreign_id' && ERROR_CODES[why].status < 500) rates.countRefused(keyId);
  };
}
