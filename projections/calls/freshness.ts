import type { OrganizationId, ProjectId } from '#kernel';
import type { ReadSnapshot } from '#read-store';
import type { Watermark } from '../common';
import { CALLS_VIEW } from './projection';

export interface UnsettledCalls {
  readonly open: number;
  readonly unresolved: number;
}

/** Counts calls whose cost is not final, of one organization (and one of its projects) or of all. */
export async function unsettledCalls(
  snapshot: ReadSnapshot,
  orgId?: OrganizationId,
  projectId?: ProjectId,
): Promise<UnsettledCalls> {
  const groups = await snapshot.aggregate(CALLS_VIEW, 'calls', {
    where: {
      ...(orgId === undefined ? {} : { orgId: { eq: orgId } }),
      ...(projectId === undefined ? {} : { projectId: { eq: projectId } }),
      unsettled: { eq: 1 },
    },
    groupBy: ['outcome'],
    measures: { calls: { count: true } },
  });
  const count = (outcome: string) => Number(groups.find(({ keys }) => keys.outcome === outcome)?.measures.calls ?? 0n);
  return { open: count('open'), unresolved: count('unresolved') };
}

/** How far a view's answer is complete, and how many calls may still change it. */
export async function watermarkOf(
  snapshot: ReadSnapshot,
  view: string,
  orgId: OrganizationId | undefined,
): Promise<Watermark> {
  const checkpoint = (await snapshot.live(view))?.checkpoint;
  const { open, unresolved } = await unsettledCalls(snapshot, orgId);
  return {
    position: checkpoint?.position ?? 0n,
    ...(checkpoint === undefined ? {} : { time: checkpoint.at }),
    unsettledCalls: open + unresolved,
  };
}
