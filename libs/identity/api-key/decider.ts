import type { ApiKeyId, Decider, Decision, EpochMs, OrganizationId, ProjectId, Refusal } from '#kernel';
import { accepted, assertNever, refused } from '#kernel';
import { changed, present, sameData } from '../fields';
import { MODEL_LIST_RULE, parseModelList } from '../model-list';
import { NAME_RULE, parseName, parseReason, REASON_RULE } from '../names';
import type { SecretFingerprint, SecretHash, Secrets, SecretVerdict } from '../secret';
import { GRACE_RULE, graceEnd, hasExpired, rotated, verdictOf } from '../secret';
import { ALLOWED_IPS_RULE, parseAllowedIps } from './allowed-ips';
import type { ApiKeyEvent, ApiKeyIssued, ApiKeyOwner, ApiKeyPermissions } from './events';
import { API_KEY_SCOPES, DEFAULT_API_KEY_SCOPES, parseApiKeyScopes } from './scopes';
import type { ApiKeyEnvironment } from './secret';

export interface IssueApiKey {
  readonly type: 'IssueApiKey';
  readonly at: EpochMs;
  readonly keyId: ApiKeyId;
  readonly orgId: OrganizationId;
  readonly projectId: ProjectId;
  readonly owner?: ApiKeyOwner;
  readonly name: string;
  readonly environment: ApiKeyEnvironment;
  readonly secretHash: SecretHash;
  readonly fingerprint: SecretFingerprint;
  /** Default: `inference`. */
  readonly scopes?: readonly string[];
  /** Default: every model that the organization may use. */
  readonly models?: readonly string[];
  /** The first moment at which it no longer works. Default: never. */
  readonly expiresAt?: EpochMs;
  /** Default: any address. */
  readonly allowedIps?: readonly string[];
}

/** What is not named stays; `null` lifts a restriction. The name cannot be changed: it is what audits refer to. */
export interface ChangeApiKey {
  readonly type: 'ChangeApiKey';
  readonly at: EpochMs;
  readonly scopes?: readonly string[];
  readonly models?: readonly string[] | null;
  readonly expiresAt?: EpochMs | null;
  readonly allowedIps?: readonly string[] | null;
}

export interface RotateApiKey {
  readonly type: 'RotateApiKey';
  readonly at: EpochMs;
  readonly secretHash: SecretHash;
  readonly fingerprint: SecretFingerprint;
  /** How long the secret that was current lives on. 0 ends it at once, and with it any older one. */
  readonly graceSeconds: number;
}

export interface RevokeApiKey {
  readonly type: 'RevokeApiKey';
  readonly reason: string;
}

export type ApiKeyCommand = IssueApiKey | ChangeApiKey | RotateApiKey | RevokeApiKey;

/**
 * In order of precedence: first whether the key is there at all and alive, then whether the command makes sense, then
 * whether it fits the key. Revoking a revoked key decides nothing and is never refused.
 */
export const API_KEY_REFUSALS = [
  'key_not_found',
  'key_revoked',
  'invalid_name',
  'invalid_reason',
  'invalid_scopes',
  'invalid_models',
  'invalid_allowed_ips',
  'invalid_grace',
  'key_exists',
  'invalid_expiry',
  'key_expired',
  'secret_reused',
] as const;
export type ApiKeyRefusal = Refusal<(typeof API_KEY_REFUSALS)[number]>;

export interface ApiKey extends Omit<ApiKeyIssued, 'keyId' | 'secretHash' | 'fingerprint'> {
  readonly id: ApiKeyId;
  readonly secrets: Secrets;
}

export type ApiKeyState =
  | { readonly status: 'none' }
  /** `issued` tells a repeated issuance from another one, whatever has happened to the key since. */
  | { readonly status: 'active'; readonly key: ApiKey; readonly issued: ApiKeyIssued }
  | { readonly status: 'revoked'; readonly key: ApiKey; readonly issued: ApiKeyIssued; readonly reason: string };

type ExistingApiKey = Exclude<ApiKeyState, { status: 'none' }>;
type KeyDecision = Decision<ApiKeyEvent, ApiKeyRefusal>;

const no = (code: ApiKeyRefusal['code'], message: string) => refused<ApiKeyRefusal>({ code, message });

type Wanted = Pick<IssueApiKey, 'scopes' | 'models' | 'expiresAt' | 'allowedIps'>;

/** Everything but the expiry, which is judged by the command's time once a repetition is ruled out. */
function parsePermissions(wanted: Wanted): { ok: true; permissions: ApiKeyPermissions } | ReturnType<typeof no> {
  const scopes = parseApiKeyScopes(wanted.scopes ?? DEFAULT_API_KEY_SCOPES);
  if (scopes === undefined) return no('invalid_scopes', `Give at least one scope of: ${API_KEY_SCOPES.join(', ')}.`);
  const models = wanted.models && parseModelList(wanted.models);
  // An empty list could be meant as "none" or as "no restriction", so it is neither.
  if (wanted.models !== undefined && (models === undefined || models.length === 0))
    return no('invalid_models', `Leave models out to allow all of them; otherwise ${MODEL_LIST_RULE}.`);
  const allowedIps = wanted.allowedIps && parseAllowedIps(wanted.allowedIps);
  if (wanted.allowedIps !== undefined && allowedIps === undefined)
    return no('invalid_allowed_ips', `Leave allowedIps out to allow every address; otherwise ${ALLOWED_IPS_RULE}.`);
  return { ok: true, permissions: { scopes, ...present({ models, expiresAt: wanted.expiresAt, allowedIps }) } };
}

const expiryInPast = () => no('invalid_expiry', 'expiresAt has passed already: name a later time, or revoke the key.');

function issue(command: IssueApiKey, state: ApiKeyState): KeyDecision {
  const { keyId, orgId, projectId, owner, environment, secretHash, fingerprint, at } = command;
  const name = parseName(command.name);
  if (name === undefined) return no('invalid_name', `This is no name for a key: ${NAME_RULE}.`);
  const parsed = parsePermissions(command);
  if (!parsed.ok) return parsed;
  const data: ApiKeyIssued = {
    keyId,
    orgId,
    projectId,
    ...present({ owner }),
    name,
    environment,
    ...parsed.permissions,
    secretHash,
    fingerprint,
  };
  if (state.status !== 'none')
    return sameData(state.issued, data)
      ? accepted()
      : no('key_exists', 'Another key has this id: issue under a new one.');
  if (hasExpired(data, at)) return expiryInPast();
  return accepted({ type: 'ApiKeyIssued', data });
}

function change(command: ChangeApiKey, key: ApiKey): KeyDecision {
  const before = permissionsOf(key);
  const parsed = parsePermissions(
    present({
      scopes: command.scopes ?? before.scopes,
      models: changed(command.models, before.models),
      expiresAt: changed(command.expiresAt, before.expiresAt),
      allowedIps: changed(command.allowedIps, before.allowedIps),
    }),
  );
  if (!parsed.ok) return parsed;
  if (sameData(before, parsed.permissions)) return accepted();
  // Only a new expiry is judged: restricting a key that has expired already must stay possible.
  if (parsed.permissions.expiresAt !== before.expiresAt && hasExpired(parsed.permissions, command.at))
    return expiryInPast();
  return accepted({ type: 'ApiKeyChanged', data: { keyId: key.id, ...parsed.permissions } });
}

function rotate(command: RotateApiKey, key: ApiKey): KeyDecision {
  const { secretHash, fingerprint, at } = command;
  const graceEndsAt = graceEnd(at, command.graceSeconds);
  if (graceEndsAt === undefined) return no('invalid_grace', `How long may the old secret live? ${GRACE_RULE}.`);
  if (secretHash === key.secrets.hash) return accepted();
  if (hasExpired(key, at))
    return no('key_expired', 'The key has expired: give it a later expiresAt before you rotate it.');
  if (secretHash === key.secrets.previous?.hash)
    return no('secret_reused', 'This secret was replaced by a newer one: rotate to a fresh one.');
  const data = { keyId: key.id, secretHash, fingerprint, previousSecretHash: key.secrets.hash, graceEndsAt };
  return accepted({ type: 'ApiKeyRotated', data });
}

function revoke(command: RevokeApiKey, state: ExistingApiKey): KeyDecision {
  if (state.status === 'revoked') return accepted();
  const reason = parseReason(command.reason);
  if (reason === undefined) return no('invalid_reason', `Why is the key revoked? Please ${REASON_RULE}.`);
  return accepted({ type: 'ApiKeyRevoked', data: { keyId: state.key.id, reason } });
}

function decide(command: ApiKeyCommand, state: ApiKeyState): KeyDecision {
  if (command.type === 'IssueApiKey') return issue(command, state);
  if (state.status === 'none') return no('key_not_found', 'There is no such key.');
  if (command.type === 'RevokeApiKey') return revoke(command, state);
  if (state.status === 'revoked') return no('key_revoked', 'The key is revoked for good: issue a new one.');
  switch (command.type) {
    case 'ChangeApiKey':
      return change(command, state.key);
    case 'RotateApiKey':
      return rotate(command, state.key);
    default:
      return assertNever(command);
  }
}

function permissionsOf({ scopes, models, expiresAt, allowedIps }: ApiKey): ApiKeyPermissions {
  return { scopes, ...present({ models, expiresAt, allowedIps }) };
}

function issuedKey({ keyId, secretHash, fingerprint, ...rest }: ApiKeyIssued): ApiKey {
  return { id: keyId, ...rest, secrets: { hash: secretHash, fingerprint } };
}

function changedKey(key: ApiKey, permissions: ApiKeyPermissions): ApiKey {
  const { models: _models, expiresAt: _expiresAt, allowedIps: _allowedIps, ...rest } = key;
  const { scopes, models, expiresAt, allowedIps } = permissions;
  return { ...rest, scopes, ...present({ models, expiresAt, allowedIps }) };
}

function evolve(state: ApiKeyState, event: ApiKeyEvent): ApiKeyState {
  if (event.type === 'ApiKeyIssued') return { status: 'active', key: issuedKey(event.data), issued: event.data };
  // Without an issuance there is nothing that the other events could be about.
  if (state.status === 'none') return state;
  switch (event.type) {
    case 'ApiKeyChanged':
      return { ...state, key: changedKey(state.key, event.data) };
    case 'ApiKeyRotated':
      return { ...state, key: { ...state.key, secrets: rotated(event.data) } };
    case 'ApiKeyRevoked':
      return { ...state, status: 'revoked', reason: event.data.reason };
    default:
      return assertNever(event);
  }
}

export const apiKeyDecider: Decider<ApiKeyCommand, ApiKeyState, ApiKeyEvent, ApiKeyRefusal> = {
  initialState: { status: 'none' },
  decide,
  evolve,
};

/** Whether a presented secret opens the key at this moment. */
export function verifySecret(state: ApiKeyState, presented: SecretHash, now: EpochMs): SecretVerdict {
  if (state.status === 'none') return { outcome: 'unknown' };
  return verdictOf(state.key, state.status === 'revoked', presented, now);
}
