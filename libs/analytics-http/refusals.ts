import { Problem } from '#admin-http';
import { QueryRefusedError } from '#read-side';

const RETRY_LATER = { headers: { 'retry-after': '1' } };

/** An answer of the read side, or its refusal as HTTP says it. @throws Problem */
export async function answered<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof QueryRefusedError)) throw error;
    const { passes, code, message } = error;
    throw new Problem(passes ? 503 : 422, code, message, passes ? RETRY_LATER : {});
  }
}
