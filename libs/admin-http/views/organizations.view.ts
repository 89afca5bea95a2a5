import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import type { OrganizationRecord } from '#control';
import {
  ANSWERS_STORAGE,
  type AnswersStorage,
  type Project,
  SERVICE_ACCOUNT_ROLES,
  type ServiceAccount,
  type ServiceAccountRole,
  type Team,
} from '#identity';
import { epochMs, formatInstant, type IdKinds, type IdPrefix, idTime } from '#kernel';
import { ResponseCacheDto } from '../dto/organizations.dto';

/** An id says when it was made. */
export function createdAt(id: IdKinds[IdPrefix]): string {
  return formatInstant(epochMs(idTime(id)));
}

const ORGANIZATION_STATUSES = ['active', 'suspended', 'closed'] as const;

export class OrganizationView {
  @ApiProperty()
  id!: string;
  @ApiProperty()
  name!: string;
  @ApiProperty()
  slug!: string;
  @ApiPropertyOptional()
  description?: string;
  @ApiPropertyOptional()
  website?: string;
  @ApiProperty({ enum: ORGANIZATION_STATUSES })
  status!: (typeof ORGANIZATION_STATUSES)[number];
  @ApiPropertyOptional({ description: 'Why it is suspended.' })
  reason?: string;
  @ApiProperty({ enum: ANSWERS_STORAGE })
  answersStorage!: AnswersStorage;
  @ApiPropertyOptional({ type: ResponseCacheDto, description: 'Absent: equal requests are run again.' })
  responseCache?: ResponseCacheDto;
  @ApiProperty()
  createdAt!: string;
}

export function organizationView({ state, organization }: Pick<OrganizationRecord, 'state' | 'organization'>) {
  const { id, name, slug, description, website, answersStorage, responseCache } = organization;
  const view: OrganizationView = {
    id,
    name,
    slug,
    ...(description === undefined ? {} : { description }),
    ...(website === undefined ? {} : { website }),
    status: state.status,
    ...(state.status === 'suspended' ? { reason: state.reason } : {}),
    answersStorage,
    ...(responseCache === undefined ? {} : { responseCache: { scope: 'project', ...responseCache } }),
    createdAt: createdAt(id),
  };
  return view;
}

export class ProjectView {
  @ApiProperty()
  id!: string;
  @ApiProperty()
  name!: string;
  @ApiPropertyOptional()
  teamId?: string;
  @ApiProperty()
  archived!: boolean;
  @ApiProperty()
  createdAt!: string;
}

export function projectView({ id, name, teamId, archived }: Project): ProjectView {
  return { id, name, ...(teamId === undefined ? {} : { teamId }), archived, createdAt: createdAt(id) };
}

export class TeamView {
  @ApiProperty()
  id!: string;
  @ApiProperty()
  name!: string;
  @ApiProperty()
  createdAt!: string;
}

export function teamView({ id, name }: Team): TeamView {
  return { id, name, createdAt: createdAt(id) };
}

export class ServiceAccountView {
  @ApiProperty()
  id!: string;
  @ApiProperty()
  name!: string;
  @ApiProperty({ isArray: true, enum: SERVICE_ACCOUNT_ROLES })
  roles!: readonly ServiceAccountRole[];
  @ApiProperty()
  disabled!: boolean;
  @ApiProperty()
  createdAt!: string;
}

export function serviceAccountView({ id, name, roles, disabled }: ServiceAccount): ServiceAccountView {
  return { id, name, roles, disabled, createdAt: createdAt(id) };
}

export class GrantedModelsView {
  @ApiProperty({ type: [String] })
  models!: readonly string[];
}
