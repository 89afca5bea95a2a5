import type { ApiKeyId, EpochMs, ModelId, OrganizationId, ProjectId } from '#kernel';
import type { Watermarked } from '../common';
import type { UsageTotals } from '../usage/types';

export interface ApiKeyRecord {
  readonly keyId: ApiKeyId;
  readonly orgId: OrganizationId;
  readonly projectId: ProjectId;
  /** Absent when the key was seen in calls, but not yet issued in what is projected. */
  readonly name?: string;
  readonly environment?: string;
  readonly fingerprint?: string;
  readonly scopes: readonly string[];
  readonly models?: readonly ModelId[];
  readonly allowedIps?: readonly string[];
  readonly owner?: { readonly type: 'member' | 'service-account'; readonly id: string };
  readonly status: 'active' | 'revoked';
  readonly issuedAt?: EpochMs;
  /** The reader compares it with the present. */
  readonly expiresAt?: EpochMs;
  readonly revokedAt?: EpochMs;
  readonly revocationReason?: string;
  readonly rotations: number;
  readonly lastRotatedAt?: EpochMs;
  readonly graceEndsAt?: EpochMs;
  /** When its newest call was admitted or refused. */
  readonly lastUsedAt?: EpochMs;
}

export interface ApiKeyUsageParams {
  readonly orgId: OrganizationId;
  readonly keyId?: ApiKeyId;
  readonly projectId?: ProjectId;
  /** 1 to 1,000. Default 50. */
  readonly limit?: number;
  readonly after?: string;
}
/** Newest key first, with the totals of all its calls. */
export interface ApiKeyUsage extends Watermarked {
  readonly keys: readonly (ApiKeyRecord & { readonly totals: UsageTotals })[];
  readonly next: string | null;
}
