import { type CallReads, ReadRefusedError } from '#gateway';
import { present } from '#kernel';
import { QueryRefusedError, type ReadSideClient } from '#read-side';

function presented(value: object): Readonly<Record<string, unknown>> {
  return present(value, 'snake') as Readonly<Record<string, unknown>>;
}

async function answered<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw error instanceof QueryRefusedError ? new ReadRefusedError(error.passes, error.message) : error;
  }
}

/** What applications read of their own calls, from the views. */
export function callReads(readSide: ReadSideClient): CallReads {
  return {
    waitFor: (position) => answered(readSide.waitFor(position)),
    async callById(orgId, projectId, callId) {
      const answer = await answered(readSide.query('callById', { orgId, projectId, callId }));
      const { watermark, call } = answer;
      if (call === null) return answer.isForeign === true ? 'foreign' : 'none';
      return { data: presented(call), watermark: presented(watermark) };
    },
    async projectUsage(orgId, projectId, range) {
      const { watermark, ...data } = await answered(
        readSide.query('projectUsageTotals', { orgId, projectId, ...range }),
      );
      return { data: presented(data), watermark: presented(watermark) };
    },
  };
}
