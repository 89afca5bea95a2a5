import { Problem } from '#admin-http';
import { QueryRefusedError } from '#read-side';

const RETRY_LATER = { headers: { 'retry-after': '1' } };

/** What passes by itself; everything else is the question's fault. */
const PASSING: ReadonlySet<QueryRefusedError['code']> = new Set([
  'view_building',
  'queries_too_many',
  'query_interrupted',
]);

/** An answer of the read side, or its refusal as HTTP says it. @throws Problem */
export async function answered<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof QueryRefusedError)) throw error;
    const passes = PASSING.has(error.code);
    throw new Problem(passes ? 503 : 422, error.code, error.message, passes ? RETRY_LATER : {});
  }
}
