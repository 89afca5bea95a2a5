import type { EventStore } from '#event-store';
import type { Check } from '#gateway';

/** Shorter than orchestrators usually wait for an answer: a store that has fallen silent is one that does not answer. */
const ANSWER_MS_MAX = 1_000;

/** Whether the record answers, said within bounded time. */
export async function checkStore(
  store: Pick<EventStore, 'lastPosition'>,
  answerMsMax: number = ANSWER_MS_MAX,
): Promise<Check> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<Check>((resolve) => {
    timer = setTimeout(
      () => resolve({ status: 'fail', message: `it has not answered within ${answerMsMax} ms` }),
      answerMsMax,
    );
  });
  const answer = store.lastPosition().then(
    (): Check => ({ status: 'pass' }),
    (error: unknown): Check => ({ status: 'fail', message: String(error) }),
  );
  const check = await Promise.race([answer, silence]);
  clearTimeout(timer);
  return check;
}
