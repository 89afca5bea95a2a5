import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { API_KEY_ENVIRONMENTS, API_KEY_SCOPES, type ApiKeyState, type StandingProblem } from '#identity';
import { type EpochMs, formatInstant } from '#kernel';
import { ApiKeyOwnerDto } from '../dto/api-keys.dto';
import { createdAt } from './organizations.view';

const API_KEY_STATUSES = ['active', 'suspended', 'expired', 'revoked'] as const;

export class ApiKeyView {
  @ApiProperty()
  id!: string;
  @ApiProperty()
  organizationId!: string;
  @ApiProperty()
  projectId!: string;
  @ApiProperty()
  name!: string;
  @ApiProperty({ description: 'Eight digits by which people recognize the secret; no part of it.' })
  fingerprint!: string;
  @ApiProperty({ enum: API_KEY_STATUSES })
  status!: (typeof API_KEY_STATUSES)[number];
  @ApiPropertyOptional({
    description:
      'Why it was revoked, or by what it is suspended: `service_account_disabled`, `project_archived`, `organization_suspended` or `organization_closed`.',
  })
  reason?: string;
  @ApiProperty({ enum: API_KEY_ENVIRONMENTS })
  environment!: string;
  @ApiProperty({ isArray: true, enum: API_KEY_SCOPES })
  scopes!: readonly string[];
  @ApiPropertyOptional({ type: [String], description: 'Absent: every model that the organization may use.' })
  models?: readonly string[];
  @ApiPropertyOptional({ type: [String], description: 'Absent: any address.' })
  allowedIps?: readonly string[];
  @ApiPropertyOptional({ description: 'Absent: never.' })
  expiresAt?: string;
  @ApiPropertyOptional()
  owner?: ApiKeyOwnerDto;
  @ApiPropertyOptional({ description: 'Until when the secret before the last rotation works too.' })
  previousSecretUntil?: string;
  @ApiProperty()
  createdAt!: string;
}

export class IssuedApiKeyView extends ApiKeyView {
  @ApiPropertyOptional({ description: 'Shown once. Absent when the command changed nothing.' })
  secret?: string;
  @ApiPropertyOptional({
    description: 'In place of the secret, where a repeat comes later than five minutes, or with another token.',
  })
  secretWithheld?: string;
}

/**
 * What people may see of a key: neither secret nor hash.
 * @param fallen why it does not work whatever its own state; absent: it stands, as after every command that it takes.
 */
export function apiKeyView(
  state: Exclude<ApiKeyState, { status: 'none' }>,
  now: EpochMs,
  fallen?: StandingProblem,
): ApiKeyView {
  const { id, orgId, projectId, name, environment, scopes, models, allowedIps, expiresAt, owner, secrets } = state.key;
  const { fingerprint, previous } = secrets;
  const isExpired = expiresAt !== undefined && expiresAt <= now;
  const isInGrace = previous !== undefined && previous.graceEndsAt > now && state.status === 'active';
  return {
    id,
    organizationId: orgId,
    projectId,
    name,
    fingerprint,
    ...lifeOf(state, isExpired, fallen),
    environment,
    scopes,
    ...(models === undefined ? {} : { models }),
    ...(allowedIps === undefined ? {} : { allowedIps }),
    ...(expiresAt === undefined ? {} : { expiresAt: formatInstant(expiresAt) }),
    ...(owner === undefined ? {} : { owner }),
    ...(isInGrace ? { previousSecretUntil: formatInstant(previous.graceEndsAt) } : {}),
    createdAt: createdAt(id),
  };
}

function lifeOf(
  state: Exclude<ApiKeyState, { status: 'none' }>,
  isExpired: boolean,
  fallen: StandingProblem | undefined,
): Pick<ApiKeyView, 'status' | 'reason'> {
  if (state.status === 'revoked') return { status: 'revoked', reason: state.reason };
  if (isExpired) return { status: 'expired' };
  return fallen === undefined ? { status: 'active' } : { status: 'suspended', reason: fallen };
}
