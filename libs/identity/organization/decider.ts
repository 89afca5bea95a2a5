import type { Decider } from '#kernel';
import { accepted, assertNever } from '#kernel';
import { sameData } from '../fields';
import { MODEL_LIST_RULE, parseModelList } from '../model-list';
import type {
  OrganizationCommand,
  OrganizationDecision,
  OrganizationRefusal,
  RegisterOrganization,
  SetAnswersStorage,
  SetGrantedModels,
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
import type { OrganizationEvent } from './events';
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
