import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import type { KnownSystemToken } from '#control';
import { type EpochMs, formatInstant } from '#kernel';
import { createdAt } from './organizations.view';

const SYSTEM_TOKEN_STATUSES = ['active', 'expired', 'revoked'] as const;

export class SystemTokenView {
  @ApiProperty()
  id!: string;
  @ApiProperty()
  name!: string;
  @ApiProperty({ description: 'Eight digits by which people recognize the secret; no part of it.' })
  fingerprint!: string;
  @ApiProperty({ enum: SYSTEM_TOKEN_STATUSES })
  status!: (typeof SYSTEM_TOKEN_STATUSES)[number];
  @ApiPropertyOptional({ description: 'Why it was revoked.' })
  reason?: string;
  @ApiPropertyOptional({ description: 'Absent: never.' })
  expiresAt?: string;
  @ApiPropertyOptional({ description: 'Until when the secret before the last rotation works too.' })
  previousSecretUntil?: string;
  @ApiProperty()
  createdAt!: string;
}

export class IssuedSystemTokenView extends SystemTokenView {
  @ApiPropertyOptional({ description: 'Shown once. Absent when the command changed nothing.' })
  secret?: string;
  @ApiPropertyOptional({
    description: 'In place of the secret, where a repeat comes later than five minutes, or with another token.',
  })
  secretWithheld?: string;
}

/** What people may see of a token: neither secret nor hash. */
export function systemTokenView(state: KnownSystemToken, now: EpochMs): SystemTokenView {
  const { id, name, expiresAt, secrets } = state.token;
  const { fingerprint, previous } = secrets;
  const isExpired = expiresAt !== undefined && expiresAt <= now;
  const isInGrace = previous !== undefined && previous.graceEndsAt > now && state.status === 'active';
  return {
    id,
    name,
    fingerprint,
    status: state.status === 'revoked' ? 'revoked' : isExpired ? 'expired' : 'active',
    ...(state.status === 'revoked' ? { reason: state.reason } : {}),
    ...(expiresAt === undefined ? {} : { expiresAt: formatInstant(expiresAt) }),
    ...(isInGrace ? { previousSecretUntil: formatInstant(previous.graceEndsAt) } : {}),
    createdAt: createdAt(id),
  };
}
