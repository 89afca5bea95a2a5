import type { CallId, EpochMs, OrganizationId } from '#kernel';
import type { Condition, FindCursor, ReadSnapshot, Where } from '#read-store';
import { pageLimit, QueryRefusedError, readCursor, writeCursor } from '../common';
import { watermarkOf } from './freshness';
import { CALLS_VIEW } from './projection';
import { callsTable } from './table';
import type {
  CallAnswer,
  CallByIdParams,
  CallRecord,
  CallSummary,
  CallsFilter,
  CallsPage,
  CallsSearchParams,
} from './types';

function summaryOf(call: CallRecord): CallSummary {
  const { callId, orgId, projectId, teamId, keyId, model, endpoint, backendId, outcome, code, at, endedAt } = call;
  const { latencyMs, firstByteMs, usage, charged, stream } = call;
  return {
    callId,
    orgId,
    projectId,
    ...(teamId === undefined ? {} : { teamId }),
    keyId,
    model,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(backendId === undefined ? {} : { backendId }),
    outcome,
    ...(code === undefined ? {} : { code }),
    at,
    ...(endedAt === undefined ? {} : { endedAt }),
    ...(latencyMs === undefined ? {} : { latencyMs }),
    ...(firstByteMs === undefined ? {} : { firstByteMs }),
    ...(usage === undefined ? {} : { usage }),
    charged,
    ...(stream === undefined ? {} : { stream }),
  };
}

const FILTER_COLUMNS: Readonly<Record<keyof CallsFilter, string>> = {
  project: 'projectId',
  apiKey: 'keyId',
  model: 'model',
  backend: 'backendId',
  endpoint: 'endpoint',
  outcome: 'outcome',
  code: 'code',
};
/** No call that ended well or is on its way has a code. */
const WITHOUT_CODE: ReadonlySet<string> = new Set(['open', 'completed', 'resolved']);

function whereOf(orgId: OrganizationId, filter: CallsFilter, from?: EpochMs, to?: EpochMs): Where {
  const where: Record<string, Condition> = { orgId: { eq: orgId } };
  for (const [field, column] of Object.entries(FILTER_COLUMNS)) {
    const values = filter[field as keyof CallsFilter];
    if (values !== undefined) where[column] = { in: values };
  }
  // Says what follows from the outcome, so that the small index of calls with a code can be used.
  if (filter.code === undefined && filter.outcome?.every((outcome) => !WITHOUT_CODE.has(outcome)))
    where.code = { present: true };
  if (from !== undefined || to !== undefined)
    where.at = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { before: to }) };
  return where;
}

function cursorOf(text: string): FindCursor {
  const cursor = readCursor(text);
  if (cursor === undefined || typeof cursor.value !== 'number')
    throw new QueryRefusedError('cursor_invalid', 'Use the "next" of the page before as "after", unchanged.');
  return cursor;
}

export async function callsSearch(snapshot: ReadSnapshot, params: CallsSearchParams): Promise<CallsPage> {
  const { orgId, from, to, where = {}, after } = params;
  if (from !== undefined && to !== undefined && from >= to)
    throw new QueryRefusedError('range_invalid', '"from" must be before "to".');
  const page = await snapshot.find(CALLS_VIEW, 'calls', {
    where: whereOf(orgId, where, from, to),
    orderBy: { column: 'at', direction: 'descending' },
    limit: pageLimit(params.limit),
    ...(after === undefined ? {} : { after: cursorOf(after) }),
  });
  return {
    calls: page.documents.map((document) => summaryOf(callsTable.decode(document))),
    next: page.next === undefined ? null : writeCursor(page.next),
    watermark: await watermarkOf(snapshot, CALLS_VIEW, orgId),
  };
}

async function loadCall(snapshot: ReadSnapshot, callId: CallId): Promise<CallRecord | undefined> {
  const [document] = await snapshot.load(CALLS_VIEW, 'calls', [callId]);
  return document === undefined ? undefined : callsTable.decode(document);
}

export async function callById(
  snapshot: ReadSnapshot,
  { orgId, callId, projectId }: CallByIdParams,
): Promise<CallAnswer> {
  const call = await loadCall(snapshot, callId);
  const isTheirs = call?.orgId === orgId && (projectId === undefined || call.projectId === projectId);
  return {
    call: call !== undefined && isTheirs ? call : null,
    ...(call !== undefined && !isTheirs ? { isForeign: true as const } : {}),
    watermark: await watermarkOf(snapshot, CALLS_VIEW, orgId),
  };
}
