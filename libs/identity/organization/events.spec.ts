import { join } from 'node:path';
import type { ModelId, OrganizationId, ProjectId, ServiceAccountId, TeamId } from '#kernel';
import type { EventSamples } from '#testing/golden';
import { goldenChecks } from '#testing/golden';
import type { Name } from '../names';
import type { OrganizationSlug } from '../slug';
import type { OrganizationEvent } from './events';
import { organizationCodec } from './events';
import { organizationStream, parseOrganizationStream } from './stream';

const orgId = 'org_01k00000000000000000000000' as OrganizationId;
const projectId = 'prj_01k00000000000000000000000' as ProjectId;
const teamId = 'team_01k00000000000000000000000' as TeamId;
const serviceAccountId = 'sa_01k00000000000000000000000' as ServiceAccountId;
const name = 'Acme «Europe»' as Name;

const samples: EventSamples<OrganizationEvent> = {
  OrganizationRegistered: [{ type: 'OrganizationRegistered', data: { orgId, name, slug: 'acme' as OrganizationSlug } }],
  OrganizationProfileChanged: [
    {
      type: 'OrganizationProfileChanged',
      data: { name, description: 'Makes everything.', website: 'https://acme.example/' },
    },
    { type: 'OrganizationProfileChanged', data: { name } },
  ],
  OrganizationSuspended: [{ type: 'OrganizationSuspended', data: { reason: 'Its invoices are unpaid.' } }],
  OrganizationResumed: [{ type: 'OrganizationResumed', data: {} }],
  OrganizationClosed: [{ type: 'OrganizationClosed', data: {} }],
  ProjectCreated: [
    { type: 'ProjectCreated', data: { projectId, name, teamId } },
    { type: 'ProjectCreated', data: { projectId, name } },
  ],
  ProjectRenamed: [{ type: 'ProjectRenamed', data: { projectId, name } }],
  ProjectAssigned: [
    { type: 'ProjectAssigned', data: { projectId, teamId } },
    { type: 'ProjectAssigned', data: { projectId } },
  ],
  ProjectArchived: [{ type: 'ProjectArchived', data: { projectId } }],
  TeamCreated: [{ type: 'TeamCreated', data: { teamId, name } }],
  TeamRenamed: [{ type: 'TeamRenamed', data: { teamId, name } }],
  ServiceAccountCreated: [
    { type: 'ServiceAccountCreated', data: { serviceAccountId, name, roles: ['admin', 'developer'] } },
  ],
  ServiceAccountChanged: [{ type: 'ServiceAccountChanged', data: { serviceAccountId, name, roles: ['auditor'] } }],
  ServiceAccountDisabled: [{ type: 'ServiceAccountDisabled', data: { serviceAccountId } }],
  GrantedModelsSet: [
    { type: 'GrantedModelsSet', data: { models: ['acme/large', 'echo'] as readonly string[] as readonly ModelId[] } },
    { type: 'GrantedModelsSet', data: { models: [] } },
  ],
  ResponseCacheSet: [
    { type: 'ResponseCacheSet', data: { responseCache: { ttlSeconds: 600, hitPricePercent: 10 } } },
    { type: 'ResponseCacheSet', data: {} },
    {
      type: 'ResponseCacheSet',
      data: { responseCache: { ttlSeconds: 600, hitPricePercent: 10, scope: 'organization' } },
    },
  ],
  AnswersStorageSet: [{ type: 'AnswersStorageSet', data: { answersStorage: 'forbidden' } }],
};

describe('events of an organization', () => {
  it.each(goldenChecks({ codec: organizationCodec, samples, folder: join(__dirname, 'golden') }))('$name', ({ run }) =>
    run(),
  );
});

describe('the stream of an organization', () => {
  it('is composed and parsed in one place', () => {
    expect(organizationStream(orgId)).toBe(`organization-${orgId}`);
    expect(parseOrganizationStream(organizationStream(orgId))).toBe(orgId);
    expect(parseOrganizationStream('organization-acme')).toBeUndefined();
    expect(parseOrganizationStream('organizationSlug-acme')).toBeUndefined();
  });
});
