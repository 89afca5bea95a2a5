import {
  type ApiKeyEnvironment,
  type ApiKeyOwner,
  type ApiKeyScope,
  type ApiKeyState,
  allowedIpMatcher,
  fingerprintOf,
  hashSecret,
  matchSecret,
  organizationStream,
  parseApiKeySecret,
  parseSystemTokenSecret,
  type ResponseCache,
  type Secrets,
  type Standing,
  type StandingProblem,
  standingProblem,
  systemTokenKind,
  systemTokenStream,
  verifySecret,
  verifySystemToken,
} from '#identity';
import type {
  ApiKeyId,
  Clock,
  MemberId,
  ModelId,
  OrganizationId,
  ProjectId,
  ServiceAccountId,
  SystemTokenId,
} from '#kernel';
import type { ControlRecords } from './records';

/** What the inference plane knows about a call's key. */
export interface AuthenticatedKey {
  readonly keyId: ApiKeyId;
  readonly orgId: OrganizationId;
  readonly projectId: ProjectId;
  /** In whose name it is used; absent: in the organization's. */
  readonly owner?: ApiKeyOwner;
  readonly scopes: readonly ApiKeyScope[];
  /** Absent: every model that the organization may use. */
  readonly models?: readonly ModelId[];
  readonly environment: ApiKeyEnvironment;
  /** Whether the organization lets answers be kept for a repeated Idempotency-Key. */
  readonly allowsStoredAnswers: boolean;
  /** Absent: equal requests are run again. */
  readonly responseCache?: ResponseCache;
}

export type KeyRejection =
  | 'invalid_api_key'
  | 'key_revoked'
  | 'key_expired'
  | 'ip_not_allowed'
  /** Its owner was disabled, or its project archived. */
  | 'key_suspended'
  /** Or closed. */
  | 'organization_suspended';
export type KeyVerdict =
  | { readonly ok: true; readonly key: AuthenticatedKey }
  /** With the id of the key that was presented, where there is one with that id, for the security trail alone. */
  | { readonly ok: false; readonly code: KeyRejection; readonly keyId?: ApiKeyId };

/** In whose name a token speaks. A further kind of holder is a further member of this union. */
export type Principal =
  | { readonly type: 'system'; readonly tokenId: SystemTokenId; readonly id: string }
  | {
      readonly type: 'member';
      readonly tokenId: SystemTokenId;
      readonly orgId: OrganizationId;
      readonly id: MemberId;
    }
  | {
      readonly type: 'service-account';
      readonly tokenId: SystemTokenId;
      readonly orgId: OrganizationId;
      readonly id: ServiceAccountId;
    };

type ExistingKeyState = Exclude<ApiKeyState, { status: 'none' }>;

interface KnownKey {
  readonly state: ExistingKeyState;
  readonly isAllowedAddress: (address: string) => boolean;
  readonly authenticated: AuthenticatedKey;
}

const EVERY_ADDRESS = () => true;

const REJECTION_OF: Readonly<Record<StandingProblem, KeyRejection>> = {
  organization_not_found: 'invalid_api_key',
  organization_closed: 'organization_suspended',
  organization_suspended: 'organization_suspended',
  project_not_found: 'key_suspended',
  project_archived: 'key_suspended',
  service_account_not_found: 'key_suspended',
  service_account_disabled: 'key_suspended',
  member_not_found: 'key_suspended',
};

/** An unknown key is compared with this, so that the time taken does not tell it from a known one. */
const NOBODYS_SECRETS: Secrets = { hash: hashSecret(''), fingerprint: fingerprintOf(hashSecret('')) };

/** Whether a secret has the form and the checksum of a key or a token, so that it may be somebody's. */
export function isCredential(secret: string): boolean {
  return parseApiKeySecret(secret).ok || parseSystemTokenSecret(secret).ok;
}

/** Tells whose a secret is, from warm state alone: no call waits for the record. */
export class Authentication {
  private readonly keys = new Map<ApiKeyId, KnownKey>();
  private readonly keysByOrganization = new Map<OrganizationId, Set<ApiKeyId>>();

  constructor(
    private readonly records: ControlRecords,
    private readonly clock: Pick<Clock, 'now'>,
  ) {
    records.apiKeys.onChange(({ state }) => {
      if (state.status !== 'none') this.remember(state);
    });
    records.organizations.onChange(({ state }) => {
      if (state.status !== 'none') this.rememberAnswersPolicy(state.organization.id);
    });
  }

  /** A foreign, an unknown and a wrong key are told apart by nothing. */
  authenticateKey(secret: string, address: string): KeyVerdict {
    const parsed = parseApiKeySecret(secret);
    if (!parsed.ok) return { ok: false, code: 'invalid_api_key' };
    const known = this.keys.get(parsed.keyId);
    const presented = hashSecret(secret);
    const now = this.clock.now();
    if (known === undefined) {
      matchSecret(NOBODYS_SECRETS, presented, now);
      return { ok: false, code: 'invalid_api_key' };
    }
    const { keyId } = parsed;
    switch (verifySecret(known.state, presented, now).outcome) {
      case 'unknown':
        return { ok: false, code: 'invalid_api_key', keyId };
      case 'revoked':
        return { ok: false, code: 'key_revoked', keyId };
      case 'expired':
        return { ok: false, code: 'key_expired', keyId };
      case 'accepted':
        if (!known.isAllowedAddress(address)) return { ok: false, code: 'ip_not_allowed', keyId };
        return this.standingVerdict(known.authenticated);
    }
  }

  /** `undefined` for whatever is not a token that works now. */
  authenticateToken(secret: string): Principal | undefined {
    const parsed = parseSystemTokenSecret(secret);
    if (!parsed.ok) return undefined;
    const { tokenId } = parsed;
    const { state } = this.records.systemTokens.find(systemTokenStream(tokenId));
    const verdict = verifySystemToken(state, hashSecret(secret), this.clock.now());
    if (verdict.outcome !== 'accepted' || state.status !== 'active') return undefined;
    const { holder } = state.token;
    if (systemTokenKind(holder) !== parsed.kind) return undefined;
    if (holder.type !== 'system' && this.problemOf(holder.orgId, { owner: holder }) !== undefined) return undefined;
    return { ...holder, tokenId };
  }

  /** The token that a secret claims to be, where there is one with that id; whether it is, is another question. */
  claimedToken(secret: string): SystemTokenId | undefined {
    const parsed = parseSystemTokenSecret(secret);
    if (!parsed.ok) return undefined;
    const { state } = this.records.systemTokens.find(systemTokenStream(parsed.tokenId));
    return state.status === 'none' ? undefined : parsed.tokenId;
  }

  /** Whether a secret is a key or a token that works now, from wherever. */
  isAccepted(secret: string): boolean {
    const parsed = parseApiKeySecret(secret);
    if (!parsed.ok) return this.authenticateToken(secret) !== undefined;
    const known = this.keys.get(parsed.keyId);
    return (
      known !== undefined && verifySecret(known.state, hashSecret(secret), this.clock.now()).outcome === 'accepted'
    );
  }

  keysOf(orgId: OrganizationId): Iterable<ApiKeyId> {
    return this.keysByOrganization.get(orgId) ?? [];
  }

  /** Why a key or a token does not work whatever its own state, from the organization as it is known now. */
  problemOf(orgId: OrganizationId, standing: Standing): StandingProblem | undefined {
    return standingProblem(this.records.organizations.find(organizationStream(orgId)).state, standing);
  }

  private standingVerdict(key: AuthenticatedKey): KeyVerdict {
    const problem = this.problemOf(key.orgId, key);
    return problem === undefined ? { ok: true, key } : { ok: false, code: REJECTION_OF[problem], keyId: key.keyId };
  }

  private remember(state: ExistingKeyState): void {
    const { id: keyId, orgId, projectId, owner, scopes, models, environment, allowedIps } = state.key;
    this.keys.set(keyId, {
      state,
      isAllowedAddress: allowedIps === undefined ? EVERY_ADDRESS : allowedIpMatcher(allowedIps),
      authenticated: {
        keyId,
        orgId,
        projectId,
        ...(owner === undefined ? {} : { owner }),
        scopes,
        ...(models === undefined ? {} : { models }),
        environment,
        ...this.answersPolicy(orgId),
      },
    });
    const siblings = this.keysByOrganization.get(orgId);
    if (siblings === undefined) this.keysByOrganization.set(orgId, new Set([keyId]));
    else siblings.add(keyId);
  }

  private answersPolicy(orgId: OrganizationId): Pick<AuthenticatedKey, 'allowsStoredAnswers' | 'responseCache'> {
    const { state } = this.records.organizations.find(organizationStream(orgId));
    if (state.status === 'none' || state.organization.answersStorage !== 'allowed')
      return { allowsStoredAnswers: false };
    const { responseCache } = state.organization;
    return { allowsStoredAnswers: true, ...(responseCache === undefined ? {} : { responseCache }) };
  }

  /** Organizations change often, these settings of theirs hardly ever. */
  private rememberAnswersPolicy(orgId: OrganizationId): void {
    const policy = this.answersPolicy(orgId);
    for (const keyId of this.keysOf(orgId)) {
      const known = this.keys.get(keyId);
      if (known === undefined) continue;
      const { allowsStoredAnswers, responseCache, ...rest } = known.authenticated;
      if (allowsStoredAnswers === policy.allowsStoredAnswers && responseCache === policy.responseCache) continue;
      this.keys.set(keyId, { ...known, authenticated: { ...rest, ...policy } });
    }
  }
}
