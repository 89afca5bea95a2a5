import type { ServiceAccountId } from '#kernel';
import { accepted } from '#kernel';
import { sameData } from '../fields';
import { parseName } from '../names';
import { parseServiceAccountRoles, SERVICE_ACCOUNT_ROLES } from '../roles';
import type {
  ChangeServiceAccount,
  CreateServiceAccount,
  DisableServiceAccount,
  OrganizationDecision,
} from './commands';
import { no } from './commands';
import { invalidName, isTaken, limitReached, nameTaken, SERVICE_ACCOUNTS_MAX } from './naming';
import type { Organization } from './state';

const invalidRoles = () =>
  no('invalid_roles', `Give a service account at least one role of: ${SERVICE_ACCOUNT_ROLES.join(', ')}.`);
const noAccount = () => no('service_account_not_found', 'The organization has no such service account.');

/** A disabled account's name is free again. */
function accountNameTaken(name: string, self: ServiceAccountId, { serviceAccounts }: Organization): boolean {
  return isTaken(
    name,
    self,
    serviceAccounts.valueSeq().filter((account) => !account.disabled),
  );
}

export function decideCreateAccount(command: CreateServiceAccount, organization: Organization): OrganizationDecision {
  const { serviceAccountId } = command;
  const { serviceAccounts } = organization;
  const name = parseName(command.name);
  if (name === undefined) return invalidName('a service account');
  const roles = parseServiceAccountRoles(command.roles);
  if (roles === undefined) return invalidRoles();
  const existing = serviceAccounts.get(serviceAccountId);
  if (existing !== undefined)
    return sameData({ name: existing.name, roles: existing.roles }, { name, roles })
      ? accepted()
      : no('service_account_exists', 'Another service account has this id: create it under a new one.');
  if (accountNameTaken(name, serviceAccountId, organization)) return nameTaken(name);
  if (serviceAccounts.size >= SERVICE_ACCOUNTS_MAX) return limitReached(SERVICE_ACCOUNTS_MAX, 'service accounts');
  return accepted({ type: 'ServiceAccountCreated', data: { serviceAccountId, name, roles } });
}

export function decideChangeAccount(command: ChangeServiceAccount, organization: Organization): OrganizationDecision {
  const { serviceAccountId } = command;
  const account = organization.serviceAccounts.get(serviceAccountId);
  const name = command.name === undefined ? account?.name : parseName(command.name);
  if (command.name !== undefined && name === undefined) return invalidName('a service account');
  const roles = command.roles === undefined ? account?.roles : parseServiceAccountRoles(command.roles);
  if (command.roles !== undefined && roles === undefined) return invalidRoles();
  if (account === undefined || name === undefined || roles === undefined) return noAccount();
  if (account.disabled)
    return no('service_account_disabled', 'The service account is disabled for good: create a new one.');
  if (sameData({ name: account.name, roles: account.roles }, { name, roles })) return accepted();
  if (accountNameTaken(name, serviceAccountId, organization)) return nameTaken(name);
  return accepted({ type: 'ServiceAccountChanged', data: { serviceAccountId, name, roles } });
}

export function decideDisableAccount(
  { serviceAccountId }: DisableServiceAccount,
  { serviceAccounts }: Organization,
): OrganizationDecision {
  const account = serviceAccounts.get(serviceAccountId);
  if (account === undefined) return noAccount();
  return account.disabled ? accepted() : accepted({ type: 'ServiceAccountDisabled', data: { serviceAccountId } });
}
