import type { Decider } from '#kernel';
import { assertNever } from '#kernel';
import type { CatalogueCommand, CatalogueDecision, CatalogueRefusal } from './commands';
import {
  decideChangeBackend,
  decideRegisterBackend,
  decideRemoveBackend,
  decideSetBackendService,
} from './decide-backends';
import { decideDeclareBounds, decideLiftModelStop, decideRecordExcess, decideReopenRoute } from './decide-bounds';
import { decideChangeModel, decideRegisterModel, decideRetireModel } from './decide-models';
import { decideSetPrices, decideWithdrawPrices } from './decide-prices';
import type { CatalogueEvent } from './events';
import type { CatalogueState } from './state';
import { emptyCatalogue, evolve } from './state';

function decide(command: CatalogueCommand, state: CatalogueState): CatalogueDecision {
  switch (command.type) {
    case 'RegisterBackend':
      return decideRegisterBackend(command, state);
    case 'ChangeBackend':
      return decideChangeBackend(command, state);
    case 'RemoveBackend':
      return decideRemoveBackend(command, state);
    case 'SetBackendService':
      return decideSetBackendService(command, state);
    case 'RegisterModel':
      return decideRegisterModel(command, state);
    case 'ChangeModel':
      return decideChangeModel(command, state);
    case 'RetireModel':
      return decideRetireModel(command, state);
    case 'SetPrices':
      return decideSetPrices(command, state);
    case 'WithdrawPrices':
      return decideWithdrawPrices(command, state);
    case 'DeclareBounds':
      return decideDeclareBounds(command, state);
    case 'RecordExcess':
      return decideRecordExcess(command, state);
    case 'LiftModelStop':
      return decideLiftModelStop(command, state);
    case 'ReopenRoute':
      return decideReopenRoute(command, state);
    default:
      return assertNever(command);
  }
}

/** Which models there are, where they run, and what they cost. */
export const catalogueDecider: Decider<CatalogueCommand, CatalogueState, CatalogueEvent, CatalogueRefusal> = {
  initialState: emptyCatalogue,
  decide,
  evolve,
};
