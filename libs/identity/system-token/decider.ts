import type { Decider, Decision, EpochMs, Refusal, SystemTokenId } from '#kernel';
import { accepted, assertNever, refused } from '#kernel';
import { present, sameData } from '../fields';
import { NAME_RULE, parseName, parseReason, REASON_RULE } from '../names';
import type { SecretFingerprint, SecretHash, Secrets, SecretVerdict } from '../secret';
import { GRACE_RULE, graceEnd, hasExpired, rotated, verdictOf } from '../secret';
import type { SystemTokenEvent, SystemTokenHolder, SystemTokenIssued } from './events';

export interface IssueSystemToken {
  readonly type: 'IssueSystemToken';
  readonly at: EpochMs;
  readonly tokenId: SystemTokenId;
  readonly holder: SystemTokenHolder;
  readonly name: string;
  readonly secretHash: SecretHash;
  readonly fingerprint: SecretFingerprint;
  /** The first moment at which it no longer works. Default: never. */
  readonly expiresAt?: EpochMs;
}

export interface RotateSystemToken {
  readonly type: 'RotateSystemToken';
  readonly at: EpochMs;
  readonly secretHash: SecretHash;
  readonly fingerprint: SecretFingerprint;
  /** How long the secret that was current lives on. 0 ends it at once, and with it any older one. */
  readonly graceSeconds: number;
}

export interface RevokeSystemToken {
  readonly type: 'RevokeSystemToken';
  readonly reason: string;
}

export type SystemTokenCommand = IssueSystemToken | RotateSystemToken | RevokeSystemToken;

/** In order of precedence; as with API keys, revoking a revoked token decides nothing and is never refused. */
export const SYSTEM_TOKEN_REFUSALS = [
  'token_not_found',
  'token_revoked',
  'invalid_name',
  'invalid_reason',
  'invalid_grace',
  'token_exists',
  'invalid_expiry',
  'token_expired',
  'secret_reused',
] as const;
export type SystemTokenRefusal = Refusal<(typeof SYSTEM_TOKEN_REFUSALS)[number]>;

export interface SystemToken {
  readonly id: SystemTokenId;
  readonly holder: SystemTokenHolder;
  readonly name: string;
  readonly expiresAt?: EpochMs;
  readonly secrets: Secrets;
}

export type SystemTokenState =
  | { readonly status: 'none' }
  | { readonly status: 'active'; readonly token: SystemToken; readonly issued: SystemTokenIssued }
  | {
      readonly status: 'revoked';
      readonly token: SystemToken;
      readonly issued: SystemTokenIssued;
      readonly reason: string;
    };

type TokenDecision = Decision<SystemTokenEvent, SystemTokenRefusal>;

const no = (code: SystemTokenRefusal['code'], message: string) => refused<SystemTokenRefusal>({ code, message });

function issue(command: IssueSystemToken, state: SystemTokenState): TokenDecision {
  const { tokenId, holder, expiresAt, secretHash, fingerprint, at } = command;
  const name = parseName(command.name);
  if (name === undefined) return no('invalid_name', `This is no name for a token: ${NAME_RULE}.`);
  const data: SystemTokenIssued = { tokenId, holder, name, ...present({ expiresAt }), secretHash, fingerprint };
  if (state.status !== 'none')
    return sameData(state.issued, data)
      ? accepted()
      : no('token_exists', 'Another token has this id: issue under a new one.');
  if (hasExpired(data, at)) return no('invalid_expiry', 'expiresAt has passed already: name a later time.');
  return accepted({ type: 'SystemTokenIssued', data });
}

function rotate(command: RotateSystemToken, token: SystemToken): TokenDecision {
  const { secretHash, fingerprint, at } = command;
  const graceEndsAt = graceEnd(at, command.graceSeconds);
  if (graceEndsAt === undefined) return no('invalid_grace', `How long may the old secret live? ${GRACE_RULE}.`);
  if (secretHash === token.secrets.hash) return accepted();
  if (hasExpired(token, at)) return no('token_expired', 'The token has expired: issue a new one.');
  if (secretHash === token.secrets.previous?.hash)
    return no('secret_reused', 'This secret was replaced by a newer one: rotate to a fresh one.');
  const data = { tokenId: token.id, secretHash, fingerprint, previousSecretHash: token.secrets.hash, graceEndsAt };
  return accepted({ type: 'SystemTokenRotated', data });
}

function decide(command: SystemTokenCommand, state: SystemTokenState): TokenDecision {
  if (command.type === 'IssueSystemToken') return issue(command, state);
  if (state.status === 'none') return no('token_not_found', 'There is no such token.');
  switch (command.type) {
    case 'RotateSystemToken':
      return state.status === 'revoked'
        ? no('token_revoked', 'The token is revoked for good: issue a new one.')
        : rotate(command, state.token);
    case 'RevokeSystemToken': {
      if (state.status === 'revoked') return accepted();
      const reason = parseReason(command.reason);
      if (reason === undefined) return no('invalid_reason', `Why is the token revoked? Please ${REASON_RULE}.`);
      return accepted({ type: 'SystemTokenRevoked', data: { tokenId: state.token.id, reason } });
    }
    default:
      return assertNever(command);
  }
}

function issuedToken({ tokenId, secretHash, fingerprint, ...rest }: SystemTokenIssued): SystemToken {
  return { id: tokenId, ...rest, secrets: { hash: secretHash, fingerprint } };
}

function evolve(state: SystemTokenState, event: SystemTokenEvent): SystemTokenState {
  if (event.type === 'SystemTokenIssued')
    return { status: 'active', token: issuedToken(event.data), issued: event.data };
  // Without an issuance there is nothing that the other events could be about.
  if (state.status === 'none') return state;
  switch (event.type) {
    case 'SystemTokenRotated':
      return { ...state, token: { ...state.token, secrets: rotated(event.data) } };
    case 'SystemTokenRevoked':
      return { ...state, status: 'revoked', reason: event.data.reason };
    default:
      return assertNever(event);
  }
}

export const systemTokenDecider: Decider<SystemTokenCommand, SystemTokenState, SystemTokenEvent, SystemTokenRefusal> = {
  initialState: { status: 'none' },
  decide,
  evolve,
};

/** Whether a token is the administrator's and works for good, unless it is revoked: while one is, none else is needed. */
export function isLastingAdministrator(state: SystemTokenState): boolean {
  return state.status === 'active' && state.token.holder.type === 'system' && state.token.expiresAt === undefined;
}

/** Whether a presented secret is the token's at this moment. */
export function verifySystemToken(state: SystemTokenState, presented: SecretHash, now: EpochMs): SecretVerdict {
  if (state.status === 'none') return { outcome: 'unknown' };
  return verdictOf(state.token, state.status === 'revoked', presented, now);
}
