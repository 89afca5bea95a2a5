import { Command } from '@nestjs/cqrs';
import type {
  CatalogueExecuted,
  CommandContext,
  KeyExecuted,
  KeyIssued,
  KeyWanted,
  LedgerChange,
  LedgerChanged,
  LedgerEdit,
  LedgerEdited,
  OpenBackendChanges,
  OpenBackendSettings,
  OrganizationChange,
  OrganizationExecuted,
  SystemTokenExecuted,
  SystemTokenWanted,
  SystemTokenWithSecret,
} from '#control';
import type { ChangeApiKey as ApiKeyChanges } from '#identity';
import type { BackendKind, CatalogueCommand } from '#inference/catalogue';
import type { ApiKeyId, BackendId, OrganizationId, SystemTokenId } from '#kernel';

/** The commands of the admin plane, as the bus tells them apart: one handler each. */

export class RegisterOrganization extends Command<OrganizationExecuted> {
  constructor(
    readonly context: CommandContext,
    readonly wanted: { readonly name: string; readonly slug: string },
  ) {
    super();
  }
}

/** Several changes are one: all are recorded or none. */
export class ChangeOrganization extends Command<OrganizationExecuted> {
  constructor(
    readonly context: CommandContext,
    readonly orgId: OrganizationId,
    readonly changes: readonly OrganizationChange[],
  ) {
    super();
  }
}

export class IssueApiKey extends Command<KeyIssued> {
  constructor(
    readonly context: CommandContext,
    readonly orgId: OrganizationId,
    readonly wanted: KeyWanted,
  ) {
    super();
  }
}

export class ChangeApiKey extends Command<KeyExecuted> {
  constructor(
    readonly context: CommandContext,
    readonly orgId: OrganizationId,
    readonly keyId: ApiKeyId,
    readonly changes: Omit<ApiKeyChanges, 'type' | 'at'>,
  ) {
    super();
  }
}

export class RotateApiKey extends Command<KeyIssued> {
  constructor(
    readonly context: CommandContext,
    readonly orgId: OrganizationId,
    readonly keyId: ApiKeyId,
    readonly graceSeconds: number,
  ) {
    super();
  }
}

export class RevokeApiKey extends Command<KeyExecuted> {
  constructor(
    readonly context: CommandContext,
    readonly orgId: OrganizationId,
    readonly keyId: ApiKeyId,
    readonly reason: string,
  ) {
    super();
  }
}

export class IssueSystemToken extends Command<SystemTokenWithSecret> {
  constructor(
    readonly context: CommandContext,
    readonly wanted: SystemTokenWanted,
  ) {
    super();
  }
}

export class RotateSystemToken extends Command<SystemTokenWithSecret> {
  constructor(
    readonly context: CommandContext,
    readonly tokenId: SystemTokenId,
    readonly graceSeconds: number,
  ) {
    super();
  }
}

export class RevokeSystemToken extends Command<SystemTokenExecuted> {
  constructor(
    readonly context: CommandContext,
    readonly tokenId: SystemTokenId,
    readonly reason: string,
  ) {
    super();
  }
}

export class ChangeLedger extends Command<LedgerChanged> {
  constructor(
    readonly context: CommandContext,
    readonly orgId: OrganizationId,
    readonly change: LedgerChange,
  ) {
    super();
  }
}

/** A change that another editor may be making too. */
export class EditLedger extends Command<LedgerEdited> {
  constructor(
    readonly context: CommandContext,
    readonly orgId: OrganizationId,
    readonly change: LedgerEdit,
  ) {
    super();
  }
}

export class RegisterBackend extends Command<CatalogueExecuted & { readonly backendId: BackendId }> {
  constructor(
    readonly context: CommandContext,
    readonly kind: BackendKind,
    readonly settings: OpenBackendSettings,
  ) {
    super();
  }
}

export class ChangeBackend extends Command<CatalogueExecuted> {
  constructor(
    readonly context: CommandContext,
    readonly backendId: BackendId,
    readonly changes: OpenBackendChanges,
  ) {
    super();
  }
}

/** Several changes are one: all are recorded or none. */
export class ChangeCatalogue extends Command<CatalogueExecuted> {
  constructor(
    readonly context: CommandContext,
    readonly changes: readonly CatalogueCommand[],
  ) {
    super();
  }
}
