import type { ApiKeyOwner, ResponseCache } from '#identity';
import type { ApiKeyId, ModelId, OrganizationId, ProjectId } from '#kernel';

/** A key as authentication found it. */
export interface AuthenticatedKey {
  readonly keyId: ApiKeyId;
  readonly orgId: OrganizationId;
  readonly projectId: ProjectId;
  /** In whose name it is used; absent: in the organization's. */
  readonly owner?: ApiKeyOwner;
  readonly scopes: readonly string[];
  readonly models?: readonly ModelId[];
  readonly allowsStoredAnswers: boolean;
  readonly responseCache?: ResponseCache;
}

export type KeyRejection =
  | 'invalid_api_key'
  | 'key_revoked'
  | 'key_expired'
  | 'ip_not_allowed'
  | 'key_suspended'
  | 'organization_suspended';

export type KeyVerdict =
  | { readonly ok: true; readonly key: AuthenticatedKey }
  /** With the id of the key that was presented, where there is one with that id. */
  | { readonly ok: false; readonly code: KeyRejection; readonly keyId?: ApiKeyId };

export interface KeyAuthenticator {
  authenticateKey(secret: string, address: string): KeyVerdict;
  /**
   * Where other gateways issue keys too: waits until everything is known that was recorded before the call, so that a key
   * which is not known here can be looked up once more. False: that could not be found out now. `undefined`: the secret
   * is nobody's, whoever is asked.
   */
  lookFor?(secret: string): Promise<boolean> | undefined;
  /** Counts a failure, for the security trail. */
  authenticationFailed(address: string, code: AuthenticationFailure, keyId?: ApiKeyId): void;
}

/** Why a request was taken as nobody's, or as one that asks for what is not its key's. */
export type AuthenticationFailure =
  | KeyRejection
  | 'missing_api_key'
  | 'conflicting_credentials'
  | 'insufficient_scope'
  | 'foreign_id';
