import { Query } from '@nestjs/cqrs';
import type { KnownSystemToken, OrganizationRecord, Versioned } from '#control';
import type { ApiKey, ApiKeyState, StandingProblem, SystemTokenState } from '#identity';
import type { CatalogueState } from '#inference/catalogue';
import type { ApiKeyId, EpochMs, OrganizationId, SystemTokenId } from '#kernel';
import type { LedgerState } from '#ledger';

/** The reads behind the commands. */

/** Ascending ids, and how each is looked up. */
export class ListOrganizations extends Query<{
  readonly ids: readonly OrganizationId[];
  readonly find: (id: OrganizationId) => OrganizationRecord | undefined;
}> {}

export interface FoundKey {
  readonly versioned: Versioned<ApiKeyState>;
  readonly state: Exclude<ApiKeyState, { status: 'none' }>;
  readonly key: ApiKey;
  /** Why it does not work whatever its own state. */
  readonly fallen: StandingProblem | undefined;
  /** When it was looked at. */
  readonly at: EpochMs;
}

export class ListApiKeys extends Query<{
  readonly ids: readonly ApiKeyId[];
  readonly find: (id: ApiKeyId) => FoundKey | undefined;
}> {
  constructor(readonly orgId: OrganizationId) {
    super();
  }
}

/** `undefined` also for a key of another organization. */
export class FindApiKey extends Query<FoundKey | undefined> {
  constructor(
    readonly orgId: OrganizationId,
    readonly keyId: ApiKeyId,
  ) {
    super();
  }
}

export interface FoundSystemToken {
  readonly versioned: Versioned<SystemTokenState>;
  readonly state: KnownSystemToken;
  /** When it was looked at. */
  readonly at: EpochMs;
}

export class ListSystemTokens extends Query<{
  readonly ids: readonly SystemTokenId[];
  readonly find: (id: SystemTokenId) => FoundSystemToken | undefined;
}> {}

/** `undefined` also for a token that is not the administrator's. */
export class FindSystemToken extends Query<FoundSystemToken | undefined> {
  constructor(readonly tokenId: SystemTokenId) {
    super();
  }
}

export class ReadLedger extends Query<{ readonly state: LedgerState; readonly at: EpochMs }> {
  constructor(readonly orgId: OrganizationId) {
    super();
  }
}

export class ReadCatalogue extends Query<Versioned<CatalogueState> & { readonly at: EpochMs }> {}
