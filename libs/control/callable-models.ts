import { organizationStream } from '#identity';
import {
  type Backend,
  CATALOGUE_STREAM,
  type CatalogueState,
  currentPrices,
  isClosed,
  isStopped,
  type Model,
  type UpcomingPrices,
  upcomingPrices,
} from '#inference/catalogue';
import type { BackendId, EpochMs, ModelId, OrganizationId, Prices } from '#kernel';
import type { AuthenticatedKey } from './authentication';
import type { ControlRecords } from './records';

export type CallableModel =
  | {
      readonly ok: true;
      readonly model: Model;
      readonly prices: Prices;
      /** What will be in force later, as far as it is known; ascending by time. */
      readonly upcoming: readonly UpcomingPrices[];
    }
  | { readonly ok: false; readonly code: 'model_not_found' | 'model_not_allowed' | 'model_not_priced' };

/** What decides which models a key may call. */
export type ModelCaller = Pick<AuthenticatedKey, 'orgId' | 'models'>;

/** Which models a key may call, and where they run. */
export class CallableModels {
  private backendsNow: ReadonlyMap<BackendId, Backend> = new Map();

  constructor(private readonly records: ControlRecords) {
    records.catalogue.onChange(({ state }) => {
      this.backendsNow = new Map(state.backends);
    });
  }

  catalogue(): CatalogueState {
    return this.records.catalogue.find(CATALOGUE_STREAM).state;
  }

  backends(): ReadonlyMap<BackendId, Backend> {
    return this.backendsNow;
  }

  /** A model that the organization was not given does not exist for it; only one that does is not allowed or priced. */
  findCallableModel(caller: ModelCaller, modelId: ModelId, at: EpochMs): CallableModel {
    const model = this.catalogue().models.get(modelId);
    if (model === undefined || !this.isVisible(model, caller.orgId)) return { ok: false, code: 'model_not_found' };
    if (caller.models?.includes(modelId) === false) return { ok: false, code: 'model_not_allowed' };
    const prices = currentPrices(model, at);
    if (prices === undefined) return { ok: false, code: 'model_not_priced' };
    return { ok: true, model, prices, upcoming: upcomingPrices(model, at) };
  }

  /** Sorted by id; without those that are closed, or stopped for the key or its organization. */
  callableModels(caller: ModelCaller & Pick<AuthenticatedKey, 'keyId'>, at: EpochMs): readonly Model[] {
    return [...this.catalogue().models.keys()].sort().flatMap((id) => {
      const found = this.findCallableModel(caller, id, at);
      if (!found.ok || isClosed(found.model)) return [];
      return isStopped(found.model, { organizationId: caller.orgId, keyId: caller.keyId }) ? [] : [found.model];
    });
  }

  private isVisible(model: Model, orgId: OrganizationId): boolean {
    if (model.visibility === 'all') return true;
    const { state } = this.records.organizations.find(organizationStream(orgId));
    return state.status !== 'none' && state.organization.grantedModels.includes(model.id);
  }
}
