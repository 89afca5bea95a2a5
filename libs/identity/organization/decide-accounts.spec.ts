import type { OrganizationId, ServiceAccountId } from '#kernel';
import { given } from '#testing/given-when-then';
import type { Name } from '../names';
import type { ServiceAccountRole } from '../roles';
import type { OrganizationSlug } from '../slug';
import type { OrganizationCommand } from './commands';
import { organizationDecider } from './decider';
import type { OrganizationEvent } from './events';

const accountId = (n: number) => `sa_01k0000000000000000000000${n}` as ServiceAccountId;

const createAccount = (n: number, name: string, roles: readonly string[]): OrganizationCommand => ({
  type: 'CreateServiceAccount',
  serviceAccountId: accountId(n),
  name,
  roles,
});
const changeAccount = (n: number, change: { name?: string; roles?: readonly string[] }): OrganizationCommand => ({
  type: 'ChangeServiceAccount',
  serviceAccountId: accountId(n),
  ...change,
});
const disableAccount = (n: number): OrganizationCommand => ({
  type: 'DisableServiceAccount',
  serviceAccountId: accountId(n),
});

const registered: OrganizationEvent = {
  type: 'OrganizationRegistered',
  data: {
    orgId: 'org_01k00000000000000000000000' as OrganizationId,
    name: 'Acme' as Name,
    slug: 'acme' as OrganizationSlug,
  },
};
const accountCreated = (n: number, name: string, ...roles: ServiceAccountRole[]): OrganizationEvent => ({
  type: 'ServiceAccountCreated',
  data: { serviceAccountId: accountId(n), name: name as Name, roles },
});
const accountDisabled = (n: number): OrganizationEvent => ({
  type: 'ServiceAccountDisabled',
  data: { serviceAccountId: accountId(n) },
});

const acme = (...events: OrganizationEvent[]) => given(organizationDecider, registered, ...events);

describe('service accounts', () => {
  it('are created with roles, in any order', () => {
    acme()
      .when(createAccount(1, 'CI', ['developer', 'admin', 'developer']))
      .then(accountCreated(1, 'CI', 'admin', 'developer'))
      .andNothingWhenRepeated();
  });

  it.each([[[]], [['owner']], [['developer', 'king']]])('are never given the roles %j', (roles) => {
    acme()
      .when(createAccount(1, 'CI', roles))
      .thenRefused('invalid_roles');
    acme(accountCreated(1, 'CI', 'admin'))
      .when(changeAccount(1, { roles }))
      .thenRefused('invalid_roles');
  });

  it('have names and ids of their own', () => {
    acme(accountCreated(1, 'CI', 'admin'))
      .when(createAccount(1, 'CI', ['auditor']))
      .thenRefused('service_account_exists');
    acme(accountCreated(1, 'CI', 'admin'))
      .when(createAccount(2, 'ci', ['auditor']))
      .thenRefused('name_taken');
    acme(accountCreated(1, 'CI', 'admin'), accountCreated(2, 'CD', 'admin'))
      .when(changeAccount(2, { name: 'CI' }))
      .thenRefused('name_taken');
    acme()
      .when(createAccount(1, '', ['admin']))
      .thenRefused('invalid_name');
  });

  it('change in what is named', () => {
    acme(accountCreated(1, 'CI', 'admin'))
      .when(changeAccount(1, { roles: ['auditor'] }))
      .then({
        type: 'ServiceAccountChanged',
        data: { serviceAccountId: accountId(1), name: 'CI' as Name, roles: ['auditor'] },
      })
      .andNothingWhenRepeated();
    acme(accountCreated(1, 'CI', 'admin'))
      .when(changeAccount(1, {}))
      .thenNothing();
    acme()
      .when(changeAccount(1, { name: '' }))
      .thenRefused('invalid_name');
    acme().when(changeAccount(1, {})).thenRefused('service_account_not_found');
  });

  it('are disabled for good, and leave their name to others', () => {
    const history = [accountCreated(1, 'CI', 'admin'), accountDisabled(1)];
    acme(accountCreated(1, 'CI', 'admin'))
      .when(disableAccount(1))
      .then(accountDisabled(1))
      .andNothingWhenRepeated();
    acme(...history)
      .when(changeAccount(1, { name: 'CD' }))
      .thenRefused('service_account_disabled');
    acme(...history)
      .when(createAccount(2, 'CI', ['admin']))
      .then(accountCreated(2, 'CI', 'admin'));
    acme().when(disableAccount(1)).thenRefused('service_account_not_found');
  });
});
