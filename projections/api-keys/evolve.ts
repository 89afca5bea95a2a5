import type { ApiKeyEvent } from '#identity/api-key';
import { type ApiKeyId, type DecodedEvent, type EpochMs, epochMs, type ProjectId } from '#kernel';
import type { LedgerEvent } from '#ledger';
import { organizationOf } from '../calls';
import type { ApiKeyRecord } from './types';

export type UseEvent = Extract<LedgerEvent, { type: 'InferenceAuthorized' | 'InferenceRefused' | 'RefusalsCounted' }>;

function bare(keyId: ApiKeyId, orgId: ApiKeyRecord['orgId'], projectId: ProjectId): ApiKeyRecord {
  return { keyId, orgId, projectId, scopes: [], status: 'active', rotations: 0 };
}

/** A key after it was issued, changed, rotated or revoked; `undefined` when it was never issued. */
export function evolveKey(
  before: ApiKeyRecord | undefined,
  event: DecodedEvent<ApiKeyEvent>,
): ApiKeyRecord | undefined {
  const { at } = event.metadata;
  const change = event.event;
  if (change.type === 'ApiKeyIssued') {
    const { keyId, orgId, projectId, secretHash: _, ...issued } = change.data;
    const use = before?.lastUsedAt === undefined ? {} : { lastUsedAt: before.lastUsedAt };
    return { ...bare(keyId, orgId, projectId), ...issued, issuedAt: at, ...use };
  }
  if (before === undefined) return undefined;
  switch (change.type) {
    case 'ApiKeyChanged': {
      // The event names all that restricts the key: what it leaves out restricts no more.
      const { models: _m, expiresAt: _e, allowedIps: _a, ...kept } = before;
      const { keyId: _, ...permissions } = change.data;
      return { ...kept, ...permissions };
    }
    case 'ApiKeyRotated': {
      const { fingerprint, graceEndsAt } = change.data;
      return { ...before, fingerprint, graceEndsAt, rotations: before.rotations + 1, lastRotatedAt: at };
    }
    case 'ApiKeyRevoked':
      return { ...before, status: 'revoked', revokedAt: at, revocationReason: change.data.reason };
  }
}

function usedAt(event: DecodedEvent<UseEvent>): EpochMs {
  return event.event.type === 'RefusalsCounted' ? event.event.data.from : event.metadata.at;
}

/** A key after it was used. */
export function evolveUse(before: ApiKeyRecord | undefined, event: DecodedEvent<UseEvent>): ApiKeyRecord {
  const { keyId, projectId } = event.event.data;
  const key = before ?? bare(keyId, organizationOf(event), projectId);
  return { ...key, lastUsedAt: epochMs(Math.max(key.lastUsedAt ?? 0, usedAt(event))) };
}
