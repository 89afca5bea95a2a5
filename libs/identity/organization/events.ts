import { z } from 'zod';
import type { EventSchema, EventsOf, ModelId, OrganizationId, ProjectId, ServiceAccountId, TeamId } from '#kernel';
import { brandedField, countField, eventCodec } from '#kernel';
import type { Name } from '../names';
import { SERVICE_ACCOUNT_ROLES } from '../roles';
import type { OrganizationSlug } from '../slug';

/** Whether answers may be kept (encrypted, for a day) so that a repeated Idempotency-Key gets the same one again. */
export const ANSWERS_STORAGE = ['allowed', 'forbidden'] as const;
/** Who may get an answer that another has asked for: whoever is in the same project, or anybody in the organization. */
export const RESPONSE_CACHE_SCOPES = ['project', 'organization'] as const;
export type ResponseCacheScope = (typeof RESPONSE_CACHE_SCOPES)[number];
/**
 * How long an answer is reused for an equal request, what a reuse costs in percent of the model's prices, and for whom;
 * absent: within a project.
 */
const responseCacheField = z.object({
  ttlSeconds: countField,
  hitPricePercent: countField,
  scope: z.enum(RESPONSE_CACHE_SCOPES).exactOptional(),
});
export type ResponseCache = z.infer<typeof responseCacheField>;

export type AnswersStorage = (typeof ANSWERS_STORAGE)[number];

const projectId = brandedField<ProjectId>();
const teamId = brandedField<TeamId>();
const serviceAccountId = brandedField<ServiceAccountId>();
const name = brandedField<Name>();
const reason = z.string();
const roles = z.array(z.enum(SERVICE_ACCOUNT_ROLES)).readonly();

const schemas = {
  OrganizationRegistered: {
    version: 1,
    data: z.object({ orgId: brandedField<OrganizationId>(), name, slug: brandedField<OrganizationSlug>() }),
  },
  /** Carries the whole profile as it is from now on. */
  OrganizationProfileChanged: {
    version: 1,
    data: z.object({ name, description: z.string().exactOptional(), website: z.string().exactOptional() }),
  },
  OrganizationSuspended: { version: 1, data: z.object({ reason }) },
  OrganizationResumed: { version: 1, data: z.object({}) },
  OrganizationClosed: { version: 1, data: z.object({}) },

  ProjectCreated: { version: 1, data: z.object({ projectId, name, teamId: teamId.exactOptional() }) },
  ProjectRenamed: { version: 1, data: z.object({ projectId, name }) },
  /** Without a team: the project belongs to none from now on. */
  ProjectAssigned: { version: 1, data: z.object({ projectId, teamId: teamId.exactOptional() }) },
  ProjectArchived: { version: 1, data: z.object({ projectId }) },

  TeamCreated: { version: 1, data: z.object({ teamId, name }) },
  TeamRenamed: { version: 1, data: z.object({ teamId, name }) },

  ServiceAccountCreated: { version: 1, data: z.object({ serviceAccountId, name, roles }) },
  /** Carries name and roles as they are from now on. */
  ServiceAccountChanged: { version: 1, data: z.object({ serviceAccountId, name, roles }) },
  ServiceAccountDisabled: { version: 1, data: z.object({ serviceAccountId }) },

  /** The whole list: the models that the organization may use beyond those that are open to all. */
  GrantedModelsSet: { version: 1, data: z.object({ models: z.array(brandedField<ModelId>()).readonly() }) },
  /** Absent: answers are not reused. */
  ResponseCacheSet: { version: 1, data: z.object({ responseCache: responseCacheField.exactOptional() }) },
  AnswersStorageSet: { version: 1, data: z.object({ answersStorage: z.enum(ANSWERS_STORAGE) }) },
} satisfies Record<string, EventSchema<object>>;

export type OrganizationEvent = EventsOf<typeof schemas>;
export const organizationCodec = eventCodec<OrganizationEvent>(schemas);
