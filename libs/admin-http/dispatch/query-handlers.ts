import { Inject, Injectable, type Type } from '@nestjs/common';
import { type IQueryHandler, QueryHandler } from '@nestjs/cqrs';
import type { ControlPlane } from '#control';
import { apiKeyStream } from '#identity';
import { CATALOGUE_STREAM } from '#inference/catalogue';
import type { ApiKeyId, OrganizationId } from '#kernel';
import { ledgerTime } from '#ledger';
import { ADMIN_HTTP_OPTIONS, type AdminHttpOptions } from '../options';
import { FindApiKey, type FoundKey, ListApiKeys, ListOrganizations, ReadCatalogue, ReadLedger } from './queries';

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
  return state.status === 'none' || state.key.orgId !== orgId ? undefined : { versioned, state, key: state.key, at };
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
  ReadLedgerHandler,
  ReadCatalogueHandler,
];
