import { type ApiKeyId, type EpochMs, epochMs, type OrganizationId, type ProjectId } from '#kernel';
import type { Table } from '#read-store';
import type { ApiKeyRecord } from './types';

type StoredKey = Omit<ApiKeyRecord, 'keyId' | 'orgId' | 'projectId' | 'status' | 'lastUsedAt'>;

/** One document per API key. */
export const apiKeysTable: Table<ApiKeyRecord> = {
  schema: {
    name: 'keys',
    columns: { orgId: 'text', projectId: 'text', status: 'text', lastUsedAt: 'integer', expiresAt: 'integer' },
    indexes: [{ columns: ['orgId'] }, { columns: ['projectId'] }],
  },
  encode: ({ keyId: _, orgId, projectId, status, lastUsedAt, ...rest }) => ({
    columns: { orgId, projectId, status, lastUsedAt: lastUsedAt ?? null, expiresAt: rest.expiresAt ?? null },
    rest: { ...rest, ...(rest.owner === undefined ? {} : { owner: { ...rest.owner } }) },
  }),
  decode: ({ id, columns, rest }) => ({
    ...(rest as unknown as StoredKey),
    keyId: id as ApiKeyId,
    orgId: String(columns.orgId) as OrganizationId,
    projectId: String(columns.projectId) as ProjectId,
    status: columns.status === 'revoked' ? 'revoked' : 'active',
    ...(columns.lastUsedAt === null ? {} : { lastUsedAt: epochMs(Number(columns.lastUsedAt)) satisfies EpochMs }),
  }),
};
