import type { CallReads } from '#gateway';
import { present } from '#kernel';
import type { ReadSideClient } from '#read-side';

function presented(value: object): Readonly<Record<string, unknown>> {
  return present(value, 'snake') as Readonly<Record<string, unknown>>;
}

/** What applications read of their own calls, from the views. */
export function callReads(readSide: ReadSideClient): CallReads {
  return {
    waitFor: (position) => readSide.waitFor(position),
    async callById(orgId, projectId, callId) {
      const { watermark, call } = await readSide.query('callById', { orgId, projectId, callId });
      return call === null ? undefined : { data: presented(call), watermark: presented(watermark) };
    },
    async projectUsage(orgId, projectId, range) {
      const { watermark, ...data } = await readSide.query('projectUsageTotals', { orgId, projectId, ...range });
      return { data: presented(data), watermark: presented(watermark) };
    },
  };
}
