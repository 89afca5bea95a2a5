import type { FindCursor, ReadSnapshot, Where } from '#read-store';
import { watermarkOf } from '../calls';
import { pageLimit, QueryRefusedError, readCursor, writeCursor } from '../common';
import { NO_TOTALS, totalsByKey } from '../usage';
import { API_KEYS_VIEW } from './projection';
import { apiKeysTable } from './table';
import type { ApiKeyUsage, ApiKeyUsageParams } from './types';

function cursorOf(text: string): FindCursor {
  const cursor = readCursor(text);
  if (cursor === undefined || typeof cursor.value !== 'string')
    throw new QueryRefusedError('cursor_invalid', 'Use the "next" of the page before as "after", unchanged.');
  return cursor;
}

/** Keys with the totals of their calls; both sides are folded to the same position. */
export async function apiKeyUsage(snapshot: ReadSnapshot, params: ApiKeyUsageParams): Promise<ApiKeyUsage> {
  const { orgId, keyId, projectId, after } = params;
  const where: Where = {
    orgId: { eq: orgId },
    ...(keyId === undefined ? {} : { id: { eq: keyId } }),
    ...(projectId === undefined ? {} : { projectId: { eq: projectId } }),
  };
  const page = await snapshot.find(API_KEYS_VIEW, 'keys', {
    where,
    // Ids begin with the time at which they were made.
    orderBy: { column: 'id', direction: 'descending' },
    limit: pageLimit(params.limit),
    ...(after === undefined ? {} : { after: cursorOf(after) }),
  });
  const keys = page.documents.map((document) => apiKeysTable.decode(document));
  const totals = await totalsByKey(
    snapshot,
    orgId,
    keys.map((key) => key.keyId),
  );
  return {
    keys: keys.map((key) => ({ ...key, totals: totals.get(key.keyId) ?? NO_TOTALS })),
    next: page.next === undefined ? null : writeCursor(page.next),
    watermark: await watermarkOf(snapshot, API_KEYS_VIEW, orgId),
  };
}
