import type { ModelId, OrganizationId, ProjectId, ServiceAccountId, TeamId } from '#kernel';
import { epochMs } from '#kernel';
import { given } from '#testing/given-when-then';
import type { Name } from '../names';
import type { ServiceAccountRole } from '../roles';
import type { OrganizationSlug } from '../slug';
import { SLUG_RESERVATION_MS } from '../slug';
import type { OrganizationCommand, RegisterOrganization } from './commands';
import { organizationDecider } from './decider';
import type { OrganizationEvent, ResponseCache } from './events';
import { TEAMS_MAX } from './naming';

const NOW = epochMs(1_767_225_600_000);
const orgId = 'org_01k00000000000000000000000' as OrganizationId;
const projectId = (n: number) => `prj_01k0000000000000000000000${n}` as ProjectId;
const teamId = (n: number) => `team_${String(n).padStart(26, '0')}` as TeamId;
const accountId = (n: number) => `sa_01k0000000000000000000000${n}` as ServiceAccountId;

const register = (change: Partial<RegisterOrganization> = {}): RegisterOrganization => ({
  type: 'RegisterOrganization',
  at: NOW,
  orgId,
  name: 'Acme',
  slug: 'acme',
  slugReservedAt: NOW,
  ...change,
});
const suspend = (reason = 'Unpaid.'): OrganizationCommand => ({ type: 'SuspendOrganization', reason });
const resume: OrganizationCommand = { type: 'ResumeOrganization' };
const close: OrganizationCommand = { type: 'CloseOrganization' };
const createProject = (n: number, name: string, team?: number): OrganizationCommand => ({
  type: 'CreateProject',
  projectId: projectId(n),
  name,
  ...(team === undefined ? {} : { teamId: teamId(team) }),
});
const renameProject = (n: number, name: string): OrganizationCommand => ({
  type: 'RenameProject',
  projectId: projectId(n),
  name,
});
const assignProject = (n: number, team: number | null): OrganizationCommand => ({
  type: 'AssignProject',
  projectId: projectId(n),
  teamId: team === null ? null : teamId(team),
});
const archiveProject = (n: number): OrganizationCommand => ({ type: 'ArchiveProject', projectId: projectId(n) });
const createTeam = (n: number, name: string): OrganizationCommand => ({ type: 'CreateTeam', teamId: teamId(n), name });
const renameTeam = (n: number, name: string): OrganizationCommand => ({ type: 'RenameTeam', teamId: teamId(n), name });
const disableAccount = (n: number): OrganizationCommand => ({
  type: 'DisableServiceAccount',
  serviceAccountId: accountId(n),
});

const registered: OrganizationEvent = {
  type: 'OrganizationRegistered',
  data: { orgId, name: 'Acme' as Name, slug: 'acme' as OrganizationSlug },
};
const profile = (data: { name?: string; description?: string; website?: string }): OrganizationEvent => ({
  type: 'OrganizationProfileChanged',
  data: { ...data, name: (data.name ?? 'Acme') as Name },
});
const suspended = (reason = 'Unpaid.'): OrganizationEvent => ({ type: 'OrganizationSuspended', data: { reason } });
const resumed: OrganizationEvent = { type: 'OrganizationResumed', data: {} };
const closed: OrganizationEvent = { type: 'OrganizationClosed', data: {} };
const projectCreated = (n: number, name: string, team?: number): OrganizationEvent => ({
  type: 'ProjectCreated',
  data: { projectId: projectId(n), name: name as Name, ...(team === undefined ? {} : { teamId: teamId(team) }) },
});
const projectArchived = (n: number): OrganizationEvent => ({
  type: 'ProjectArchived',
  data: { projectId: projectId(n) },
});
const teamCreated = (n: number, name: string): OrganizationEvent => ({
  type: 'TeamCreated',
  data: { teamId: teamId(n), name: name as Name },
});
const accountCreated = (n: number, name: string, ...roles: ServiceAccountRole[]): OrganizationEvent => ({
  type: 'ServiceAccountCreated',
  data: { serviceAccountId: accountId(n), name: name as Name, roles },
});
const accountDisabled = (n: number): OrganizationEvent => ({
  type: 'ServiceAccountDisabled',
  data: { serviceAccountId: accountId(n) },
});

const acme = (...events: OrganizationEvent[]) => given(organizationDecider, registered, ...events);

describe('registering an organization', () => {
  it('records its name and slug', () => {
    given(organizationDecider)
      .when(register({ name: ' Acme ' }))
      .then(registered)
      .andNothingWhenRepeated();
  });

  it('recognizes its repetition after the organization was renamed or closed, however late', () => {
    acme(profile({ name: 'Acme Europe' }), closed)
      .when(register({ at: epochMs(NOW + 10 * SLUG_RESERVATION_MS) }))
      .thenNothing();
  });

  it('does not give one id to two organizations', () => {
    acme()
      .when(register({ slug: 'rival' }))
      .thenRefused('organization_exists');
    acme()
      .when(register({ name: 'Rival' }))
      .thenRefused('organization_exists');
  });

  it('demands that the slug was reserved just now, for later it may be somebody else’s', () => {
    given(organizationDecider)
      .when(register({ at: epochMs(NOW + SLUG_RESERVATION_MS - 1) }))
      .then(registered);
    given(organizationDecider)
      .when(register({ at: epochMs(NOW + SLUG_RESERVATION_MS) }))
      .thenRefused('slug_reservation_lapsed');
  });

  it.each([
    ['invalid_name', { name: '', slug: 'me' }],
    ['invalid_name', { name: 'x'.repeat(121) }],
    ['invalid_name', { name: 'a\u202eb' }],
    ['invalid_name', { name: 'a\ud800' }],
    ['invalid_slug', { slug: 'me' }],
    ['invalid_slug', { slug: orgId }],
  ] as const)('refuses with %s: %j', (code, change) => {
    given(organizationDecider).when(register(change)).thenRefused(code);
  });

  it('counts characters, not bytes, in names', () => {
    const name = '🦊'.repeat(120);
    given(organizationDecider)
      .when(register({ name }))
      .then({ type: 'OrganizationRegistered', data: { ...registered.data, name: name as Name } } as OrganizationEvent);
  });

  it('comes before everything else', () => {
    for (const command of [suspend(), resume, close, createProject(1, 'A'), createTeam(1, 'A')])
      given(organizationDecider).when(command).thenRefused('organization_not_found');
  });
});

describe('an organization’s profile', () => {
  const change = (changes: { name?: string; description?: string | null; website?: string | null }) =>
    ({ type: 'ChangeOrganizationProfile', ...changes }) as const;

  it('changes in what is named, and keeps the rest', () => {
    acme()
      .when(change({ name: 'Acme Europe' }))
      .then(profile({ name: 'Acme Europe' }))
      .andNothingWhenRepeated();
    acme(profile({ description: 'Makes things.' }))
      .when(change({ website: 'https://acme.example' }))
      .then(profile({ description: 'Makes things.', website: 'https://acme.example/' }))
      .andNothingWhenRepeated();
    acme(profile({ description: 'Makes things.', website: 'https://acme.example/' }))
      .when(change({ description: null }))
      .then(profile({ website: 'https://acme.example/' }));
  });

  it('takes no nonsense', () => {
    acme()
      .when(change({ name: '' }))
      .thenRefused('invalid_name');
    acme()
      .when(change({ description: '' }))
      .thenRefused('invalid_description');
    acme()
      .when(change({ description: 'x'.repeat(1_001) }))
      .thenRefused('invalid_description');
    for (const website of ['', 'acme', 'javascript:alert(1)', 'https://user:word@acme.example'])
      acme().when(change({ website })).thenRefused('invalid_website');
  });
});

describe('suspending, resuming and closing', () => {
  it('suspends with a reason, which may be replaced', () => {
    acme().when(suspend()).then(suspended()).andNothingWhenRepeated();
    acme(suspended()).when(suspend('Abuse.')).then(suspended('Abuse.'));
    acme().when(suspend('')).thenRefused('invalid_reason');
  });

  it('resumes what is suspended', () => {
    acme(suspended()).when(resume).then(resumed).andNothingWhenRepeated();
    acme().when(resume).thenNothing();
  });

  it('builds nothing while suspended, but may still take away', () => {
    const history = [projectCreated(1, 'A'), accountCreated(1, 'CI', 'admin'), suspended()];
    acme(...history)
      .when(createProject(2, 'B'))
      .thenRefused('organization_suspended');
    acme(...history)
      .when({ type: 'SetGrantedModels', models: ['echo'] })
      .thenRefused('organization_suspended');
    acme(...history)
      .when(archiveProject(1))
      .then(projectArchived(1));
    acme(...history)
      .when(disableAccount(1))
      .then(accountDisabled(1));
  });

  it('closes for good', () => {
    acme().when(close).then(closed).andNothingWhenRepeated();
    acme(suspended()).when(close).then(closed);
    for (const command of [resume, suspend(), createTeam(1, 'A'), archiveProject(1)])
      acme(closed).when(command).thenRefused('organization_closed');
  });
});

describe('projects', () => {
  it('are created in a team or in none', () => {
    acme().when(createProject(1, 'Search')).then(projectCreated(1, 'Search')).andNothingWhenRepeated();
    acme(teamCreated(1, 'Core'))
      .when(createProject(1, 'Search', 1))
      .then(projectCreated(1, 'Search', 1))
      .andNothingWhenRepeated();
    acme()
      .when(createProject(1, 'Search', 1))
      .thenRefused('team_not_found');
  });

  it('have names that differ in more than case', () => {
    acme(projectCreated(1, 'Search')).when(createProject(2, 'SEARCH')).thenRefused('name_taken');
    acme(projectCreated(1, 'Search'), projectCreated(2, 'Chat'))
      .when(renameProject(2, 'ｓearch'))
      .thenRefused('name_taken');
    acme(teamCreated(1, 'Search')).when(createProject(1, 'Search')).then(projectCreated(1, 'Search'));
  });

  it('have ids of their own', () => {
    acme(projectCreated(1, 'Search')).when(createProject(1, 'Chat')).thenRefused('project_exists');
    acme(projectCreated(1, 'Search'), teamCreated(1, 'Core'))
      .when(createProject(1, 'Search', 1))
      .thenRefused('project_exists');
  });

  it('are renamed, in case only too', () => {
    acme(projectCreated(1, 'search'))
      .when(renameProject(1, 'Search'))
      .then({ type: 'ProjectRenamed', data: { projectId: projectId(1), name: 'Search' as Name } })
      .andNothingWhenRepeated();
    acme().when(renameProject(1, 'Search')).thenRefused('project_not_found');
    acme().when(renameProject(1, '')).thenRefused('invalid_name');
  });

  it('move between teams and out of them', () => {
    const history = [teamCreated(1, 'Core'), projectCreated(1, 'Search')];
    acme(...history)
      .when(assignProject(1, 1))
      .then({ type: 'ProjectAssigned', data: { projectId: projectId(1), teamId: teamId(1) } })
      .andNothingWhenRepeated();
    acme(teamCreated(1, 'Core'), projectCreated(1, 'Search', 1))
      .when(assignProject(1, null))
      .then({ type: 'ProjectAssigned', data: { projectId: projectId(1) } })
      .andNothingWhenRepeated();
    acme(...history)
      .when(assignProject(1, 2))
      .thenRefused('team_not_found');
    acme().when(assignProject(1, 2)).thenRefused('project_not_found');
  });

  it('are archived for good, and leave their name to others', () => {
    const history = [teamCreated(1, 'Core'), projectCreated(1, 'Search'), projectArchived(1)];
    acme(projectCreated(1, 'Search')).when(archiveProject(1)).then(projectArchived(1)).andNothingWhenRepeated();
    acme(...history)
      .when(renameProject(1, 'Chat'))
      .thenRefused('project_archived');
    acme(...history)
      .when(assignProject(1, 1))
      .thenRefused('project_archived');
    acme(...history)
      .when(createProject(2, 'Search'))
      .then(projectCreated(2, 'Search'));
    acme().when(archiveProject(1)).thenRefused('project_not_found');
  });
});

describe('teams', () => {
  it('are created and renamed', () => {
    acme().when(createTeam(1, 'Core')).then(teamCreated(1, 'Core')).andNothingWhenRepeated();
    acme(teamCreated(1, 'Core'))
      .when(renameTeam(1, 'Kernel'))
      .then({ type: 'TeamRenamed', data: { teamId: teamId(1), name: 'Kernel' as Name } })
      .andNothingWhenRepeated();
  });

  it('have names and ids of their own', () => {
    acme(teamCreated(1, 'Core')).when(createTeam(2, 'core')).thenRefused('name_taken');
    acme(teamCreated(1, 'Core')).when(createTeam(1, 'Kernel')).thenRefused('team_exists');
    acme(teamCreated(1, 'Core'), teamCreated(2, 'Web')).when(renameTeam(2, 'CORE')).thenRefused('name_taken');
    acme().when(renameTeam(1, 'Core')).thenRefused('team_not_found');
    acme().when(createTeam(1, ' ')).thenRefused('invalid_name');
  });

  it('are limited in number', () => {
    const full = Array.from({ length: TEAMS_MAX }, (_, n) => teamCreated(n, `Team ${n}`));
    acme(...full)
      .when(createTeam(TEAMS_MAX, 'One more'))
      .thenRefused('limit_reached');
  });
});

describe('policies of an organization', () => {
  const setModels = (models: readonly string[]) => ({ type: 'SetGrantedModels', models }) as const;
  const granted = (...models: string[]): OrganizationEvent => ({
    type: 'GrantedModelsSet',
    data: { models: models as readonly string[] as readonly ModelId[] },
  });

  it('name the models it may use, as a whole list', () => {
    acme()
      .when(setModels(['echo', 'acme/large', 'echo']))
      .then(granted('acme/large', 'echo'))
      .andNothingWhenRepeated();
    acme(granted('echo')).when(setModels([])).then(granted());
    acme().when(setModels([])).thenNothing();
  });

  it('take no list that an event could not hold', () => {
    acme()
      .when(setModels(['echo/']))
      .thenRefused('invalid_models');
    acme()
      .when(setModels(Array.from({ length: 200 }, (_, n) => `${n}${'x'.repeat(250)}`)))
      .thenRefused('invalid_models');
  });

  it('allow or forbid the storage of answers; allowed until told otherwise', () => {
    const forbid = { type: 'SetAnswersStorage', answersStorage: 'forbidden' } as const;
    acme()
      .when(forbid)
      .then({ type: 'AnswersStorageSet', data: { answersStorage: 'forbidden' } })
      .andNothingWhenRepeated();
    acme().when({ type: 'SetAnswersStorage', answersStorage: 'allowed' }).thenNothing();
  });

  it('reuse answers for equal requests, once told for how long and at what price', () => {
    const set = (responseCache: ResponseCache | null) => ({ type: 'SetResponseCache', responseCache }) as const;
    const cache = { ttlSeconds: 600, hitPricePercent: 10 };
    acme()
      .when(set(cache))
      .then({ type: 'ResponseCacheSet', data: { responseCache: cache } })
      .andNothingWhenRepeated();
    acme()
      .when(set({ ...cache, scope: 'organization' }))
      .then({ type: 'ResponseCacheSet', data: { responseCache: { ...cache, scope: 'organization' } } })
      .andNothingWhenRepeated();
    acme()
      .when(set({ ...cache, scope: 'project' }))
      .then({ type: 'ResponseCacheSet', data: { responseCache: cache } });
    acme().when(set(null)).thenNothing();
    acme()
      .when(set({ ttlSeconds: 0, hitPricePercent: 10 }))
      .thenRefused('invalid_response_cache');
    acme()
      .when(set({ ttlSeconds: 86_401, hitPricePercent: 10 }))
      .thenRefused('invalid_response_cache');
    acme()
      .when(set({ ttlSeconds: 60, hitPricePercent: 101 }))
      .thenRefused('invalid_response_cache');
  });
});
