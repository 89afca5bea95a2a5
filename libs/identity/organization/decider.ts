import type { Decider } from '#kernel';
import { accepted, assertNever } from '#kernel';
import { present, sameData } from '../fields';
import { MODEL_LIST_RULE, parseModelList } from '../model-list';
import type {
  OrganizationCommand,
  OrganizationDecision,
  OrganizationRefusal,
  RegisterOrganization,
  SetAnswersStorage,
  SetGrantedModels,
  SetResponseCache,
} from './commands';
import { no } from './commands';
import { decideChangeAccount, decideCreateAccount, decideDisableAccount } from './decide-accounts';
import { decideProfile, decideRegister, decideSuspend } from './decide-life';
import {
  decideArchiveProject,
  decideAssignProject,
  decideCreateProject,
  decideCreateTeam,
  decideRenameProject,
  decideRenameTeam,
} from './decide-projects';
import type { OrganizationEvent, ResponseCache } from './events';
import type { Organization, OrganizationState } from './state';
import { evolve } from './state';

function decideGrantedModels(command: SetGrantedModels, organization: Organization): OrganizationDecision {
  const models = parseModelList(command.models);
  if (models === undefined) return no('invalid_models', `Which models are granted? Please ${MODEL_LIST_RULE}.`);
  if (sameData(organization.grantedModels, models)) return accepted();
  return accepted({ type: 'GrantedModelsSet', data: { models } });
}

function decideAnswersStorage({ answersStorage }: SetAnswersStorage, organization: Organization): OrganizationDecision {
  if (organization.answersStorage === answersStorage) return accepted();
  return accepted({ type: 'AnswersStorageSet', data: { answersStorage } });
}

const CACHE_SECONDS_MAX = 86_400;

function isResponseCache({ ttlSeconds, hitPricePercent }: ResponseCache): boolean {
  const isWithin = (value: number, min: number, max: number) => Number.isInteger(value) && value >= min && value <= max;
  return isWithin(ttlSeconds, 1, CACHE_SECONDS_MAX) && isWithin(hitPricePercent, 0, 100);
}

/** What holds by itself is not recorded: saying it changes nothing. */
function withoutDefault({ scope, ...rest }: ResponseCache): ResponseCache {
  return scope === 'organization' ? { ...rest, scope } : rest;
}

function decideResponseCache({ responseCache }: SetResponseCache, organization: Organization): OrganizationDecision {
  if (responseCache !== null && !isResponseCache(responseCache))
    return no(
      'invalid_response_cache',
      `A response cache keeps answers for 1 to ${CACHE_SECONDS_MAX} seconds and charges 0 to 100 percent for a reuse.`,
    );
  const wanted = present({ responseCache: responseCache === null ? undefined : withoutDefault(responseCache) });
  if (sameData(present({ responseCache: organization.responseCache }), wanted)) return accepted();
  return accepted({ type: 'ResponseCacheSet', data: wanted });
}

/** What may still be done to a suspended organization: end or prolong the suspension, and take things away. */
const WHILE_SUSPENDED: readonly OrganizationCommand['type'][] = [
  'SuspendOrganization',
  'ResumeOrganization',
  'CloseOrganization',
  'ArchiveProject',
  'DisableServiceAccount',
];

type CommandOfRegistered = Exclude<OrganizationCommand, RegisterOrganization>;

function decideOpen(
  command: CommandOfRegistered,
  state: Extract<OrganizationState, { status: 'active' | 'suspended' }>,
): OrganizationDecision {
  const { organization } = state;
  switch (command.type) {
    case 'ChangeOrganizationProfile':
      return decideProfile(command, organization);
    case 'SuspendOrganization':
      return decideSuspend(command, state);
    case 'ResumeOrganization':
      return state.status === 'active' ? accepted() : accepted({ type: 'OrganizationResumed', data: {} });
    case 'CloseOrganization':
      return accepted({ type: 'OrganizationClosed', data: {} });
    case 'CreateProject':
      return decideCreateProject(command, organization);
    case 'RenameProject':
      return decideRenameProject(command, organization);
    case 'AssignProject':
      return decideAssignProject(command, organization);
    case 'ArchiveProject':
      return decideArchiveProject(command, organization);
    case 'CreateTeam':
      return decideCreateTeam(command, organization);
    case 'RenameTeam':
      return decideRenameTeam(command, organization);
    case 'CreateServiceAccount':
      return decideCreateAccount(command, organization);
    case 'ChangeServiceAccount':
      return decideChangeAccount(command, organization);
    case 'DisableServiceAccount':
      return decideDisableAccount(command, organization);
    case 'SetGrantedModels':
      return decideGrantedModels(command, organization);
    case 'SetResponseCache':
      return decideResponseCache(command, organization);
    case 'SetAnswersStorage':
      return decideAnswersStorage(command, organization);
    default:
      return assertNever(command);
  }
}

function decide(command: OrganizationCommand, state: OrganizationState): OrganizationDecision {
  if (command.type === 'RegisterOrganization') return decideRegister(command, state);
  switch (state.status) {
    case 'none':
      return no('organization_not_found', 'There is no such organization.');
    case 'closed':
      return command.type === 'CloseOrganization'
        ? accepted()
        : no('organization_closed', 'The organization is closed for good.');
    case 'suspended':
      return WHILE_SUSPENDED.includes(command.type)
        ? decideOpen(command, state)
        : no('organization_suspended', 'The organization is suspended: have it resumed first.');
    case 'active':
      return decideOpen(command, state);
    default:
      return assertNever(state);
  }
}

export const organizationDecider: Decider<
  OrganizationCommand,
  OrganizationState,
  OrganizationEvent,
  OrganizationRefusal
> = {
  initialState: { status: 'none' },
  decide,
  evolve,
};
