import { ReadRefusedError } from '#gateway';
import type { OrganizationId, ProjectId, RequestId } from '#kernel';
import { QueryRefusedError, type ReadSideClient } from '#read-side';
import { callReads } from './call-reads';

function readsThatMeet(error: Error) {
  return callReads({
    waitFor: () => Promise.reject(error),
    query: () => Promise.reject(error),
  } as unknown as ReadSideClient);
}

const [orgId, projectId, callId] = ['org_1' as OrganizationId, 'prj_1' as ProjectId, 'req_1' as RequestId];

describe('what applications read of their own calls', () => {
  it.each([
    ['view_building', true],
    ['queries_too_many', true],
    ['query_interrupted', true],
    ['range_invalid', false],
  ] as const)('%s passes by itself: %s', async (code, passes) => {
    const reads = readsThatMeet(new QueryRefusedError(code, 'Why.'));
    const refused = new ReadRefusedError(passes, 'Why.');
    await expect(reads.callById(orgId, projectId, callId)).rejects.toEqual(refused);
    await expect(reads.waitFor(1n)).rejects.toMatchObject({ passes });
  });

  it('a mistake stays one', async () => {
    const mistake = new Error('a bug');
    await expect(readsThatMeet(mistake).callById(orgId, projectId, callId)).rejects.toBe(mistake);
  });
});
