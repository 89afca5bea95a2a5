import { Inject, Injectable, type Type } from '@nestjs/common';
import { type IQueryHandler, QueryHandler } from '@nestjs/cqrs';
import type { ControlPlane } from '#control';
import { apiKeyStream, systemTokenStream } from '#identity';
import { CATALOGUE_STREAM } from '#inference/catalogue';
import type { ApiKeyId, OrganizationId, SystemTokenId } from '#kernel';
import { ledgerTime } from '#ledger';
import { ADMIN_HTTP_OPTIONS, type AdminHttpOptions } from '../options';
import {
  FindApiKey,
  FindSystemToken,
  type FoundKey,
  type FoundSystemToken,
  ListApiKeys,
  ListOrganizations,
  ListSystemTokens,
  ReadCatalogue,
  ReadLedger,
} from './queries';

@Injectable()
abstract class Handler {
  constructor(@Inject(ADMIN_HTTP_OPTIONS) private readonly options: AdminHttpOptions) {}

  protected get control() {
    return this.options.control;
  }
}

@QueryHandler(ListOrganizations)
class ListOrganizationsHandler extends Handler implements IQueryHandler<ListOrganizations> {
  async execute() {
    const { control } = this;
    return { ids: control.organizationIds(), find: (id: OrganizationId) => control.findOrganization(id) };
  }
}

function findKey(control: ControlPlane, orgId: OrganizationId, keyId: ApiKeyId): FoundKey | undefined {
  const versioned = control.records.apiKeys.find(apiKeyStream(keyId));
  const { state } = versioned;
  const at = control.surroundings.clock.now();
  if (state.status === 'none' || state.key.orgId !== orgId) return undefined;
  return { versioned, state, key: state.key, fallen: control.authentication.problemOf(orgId, state.key), at };
}

@QueryHandler(ListApiKeys)
class ListApiKeysHandler extends Handler implements IQueryHandler<ListApiKeys> {
  async execute({ orgId }: ListApiKeys) {
    const ids = [...this.control.authentication.keysOf(orgId)].sort();
    return { ids, find: (id: ApiKeyId) => findKey(this.control, orgId, id) };
  }
}

@QueryHandler(FindApiKey)
class FindApiKeyHandler extends Handler implements IQueryHandler<FindApiKey> {
  async execute({ orgId, keyId }: FindApiKey) {
    return findKey(this.control, orgId, keyId);
  }
}

function findToken(control: ControlPlane, tokenId: SystemTokenId): FoundSystemToken | undefined {
  const versioned = control.records.systemTokens.find(systemTokenStream(tokenId));
  const { state } = versioned;
  const at = control.surroundings.clock.now();
  return state.status === 'none' || state.token.holder.type !== 'system' ? undefined : { versioned, state, at };
}

@QueryHandler(ListSystemTokens)
class ListSystemTokensHandler extends Handler implements IQueryHandler<ListSystemTokens> {
  async execute() {
    return { ids: this.control.systemTokens.ids(), find: (id: SystemTokenId) => findToken(this.control, id) };
  }
}

@QueryHandler(FindSystemToken)
class FindSystemTokenHandler extends Handler implements IQueryHandler<FindSystemToken> {
  async execute({ tokenId }: FindSystemToken) {
    return findToken(this.control, tokenId);
  }
}

@QueryHandler(ReadLedger)
class ReadLedgerHandler extends Handler implements IQueryHandler<ReadLedger> {
  async execute({ orgId }: ReadLedger) {
    const state = await this.control.ledgers.ledger.read(orgId);
    return { state, at: ledgerTime(state, this.control.surroundings.clock.now()) };
  }
}

@QueryHandler(ReadCatalogue)
class ReadCatalogueHandler extends Handler implements IQueryHandler<ReadCatalogue> {
  async execute() {
    const { records, surroundings } = this.control;
    return { ...records.catalogue.find(CATALOGUE_STREAM), at: surroundings.clock.now() };
  }
}

export const QUERY_HANDLERS: readonly Type[] = [
  ListOrganizationsHandler,
  ListApiKeysHandler,
  FindApiKeyHandler,
  ListSystemTokensHandler,
  FindSystemTokenHandler,
  ReadLedgerHandler,
  ReadCatalogueHandler,
];
