import type { MemberId, OrganizationId, ProjectId, ServiceAccountId } from '#kernel';
import { stateAfter } from '#testing/given-when-then';
import type { Name } from './names';
import { type OrganizationEvent, organizationDecider } from './organization';
import type { OrganizationSlug } from './slug';
import { type Standing, type StandingProblem, standingProblem } from './standing';

const projectId = 'prj_01k00000000000000000000000' as ProjectId;
const account = { type: 'service-account', id: 'sa_01k00000000000000000000000' as ServiceAccountId } as const;

const registered: OrganizationEvent = {
  type: 'OrganizationRegistered',
  data: {
    orgId: 'org_01k00000000000000000000000' as OrganizationId,
    name: 'Acme' as Name,
    slug: 'acme' as OrganizationSlug,
  },
};
const created: OrganizationEvent[] = [
  { type: 'ProjectCreated', data: { projectId, name: 'app' as Name } },
  {
    type: 'ServiceAccountCreated',
    data: { serviceAccountId: account.id, name: 'CI' as Name, roles: ['developer'] },
  },
];
const archived: OrganizationEvent = { type: 'ProjectArchived', data: { projectId } };
const disabled: OrganizationEvent = { type: 'ServiceAccountDisabled', data: { serviceAccountId: account.id } };
const suspended: OrganizationEvent = { type: 'OrganizationSuspended', data: { reason: 'unpaid' } };
const resumed: OrganizationEvent = { type: 'OrganizationResumed', data: {} };
const closed: OrganizationEvent = { type: 'OrganizationClosed', data: {} };

const key: Standing = { projectId, owner: account };

describe('what a key rests on', () => {
  it.each<[string, StandingProblem | undefined, OrganizationEvent[], Standing]>([
    ['an organization, a project and an account that live', undefined, created, key],
    ['a closed organization, whatever else', 'organization_closed', [...created, archived, suspended, closed], key],
    ['a suspended organization', 'organization_suspended', [...created, archived, suspended], key],
    ['an organization that was resumed', undefined, [...created, suspended, resumed], key],
    ['an archived project, its account disabled too', 'project_archived', [...created, disabled, archived], key],
    ['a disabled account', 'service_account_disabled', [...created, disabled], key],
    ['nobody’s account, where the key has none', undefined, [...created, disabled], { projectId }],
    ['an unknown project', 'project_not_found', [], { projectId }],
    ['an unknown account', 'service_account_not_found', [], { owner: account }],
    [
      'a member, of whom there are none',
      'member_not_found',
      [],
      { owner: { type: 'member', id: 'mem_1' as MemberId } },
    ],
  ])('%s: %s', (_, problem, events, standing) => {
    expect(standingProblem(stateAfter(organizationDecider, [registered, ...events]), standing)).toBe(problem);
  });

  it('an organization that nobody has registered', () => {
    expect(standingProblem(organizationDecider.initialState, key)).toBe('organization_not_found');
  });
});
