import { readConfiguration } from '#configuration';
import { StoreUnavailableError } from '#event-store';
import { MemoryEventStore } from '#event-store/memory';
import { createLogger } from '#telemetry';
import { failureOf } from './expected-errors';
import { RecordAwayError, startFailure, waitForRecord } from './wait-for-record';

const configuration = readConfiguration({ AIAAS_PORT: '0' });

/** A store that is away for so many tries, and what was said meanwhile. */
function away(tries: number) {
  const store = new MemoryEventStore();
  const logger = createLogger('silent', 'test');
  const said: object[] = [];
  const asked: (() => Promise<void>)[] = [];
  let left = tries;
  const lastPosition = async (): Promise<bigint> => {
    for (const look of asked.splice(0)) await look();
    left -= 1;
    if (left >= 0) throw new StoreUnavailableError('no server runs there');
    return 0n;
  };
  Object.assign(logger, { warn: (line: object) => said.push(line) });
  return {
    engines: { store: Object.assign(store, { lastPosition }), recordName: 'the store at a:1' },
    logger,
    said,
    asked,
  };
}

describe('a record that does not answer yet', () => {
  it('is waited for, with one line per try that says for what', async () => {
    const { engines, logger, said } = away(3);
    await waitForRecord(engines, configuration, logger, 1);
    expect(said).toEqual(Array(3).fill({ waitingFor: 'the store at a:1', reason: 'no server runs there' }));
  });

  it('is not spoken of when it answers at once', async () => {
    const { engines, logger, said } = away(0);
    await waitForRecord(engines, configuration, logger, 1);
    expect(said).toEqual([]);
  });

  it('keeps the process alive and not ready for orchestrators, until the real server takes over', async () => {
    const port = 20_000 + (process.pid % 20_000);
    const { engines, logger, asked } = away(2);
    const answers: unknown[] = [];
    const look = async () => {
      const [live, ready] = await Promise.all(
        ['live', 'ready'].map((path) => fetch(`http://127.0.0.1:${port}/health/${path}`)),
      );
      answers.push(live?.status, ready?.status, await ready?.json());
    };
    const waiting = waitForRecord(engines, { ...configuration, port }, logger, 1);
    await new Promise((resolve) => setImmediate(resolve));
    asked.push(look);
    await waiting;

    const message = 'the store at a:1 does not answer: no server runs there';
    expect(answers).toEqual([
      200,
      503,
      expect.objectContaining({ phase: 'starting', checks: { eventStore: { status: 'fail', message } } }),
    ]);
    await expect(fetch(`http://127.0.0.1:${port}/health/live`)).rejects.toThrow('fetch failed');
  });
});

describe('a start that fails', () => {
  it.each([
    [
      'because the store says so',
      new Error('the read side cannot start', { cause: new StoreUnavailableError('gone') }),
      0,
    ],
    ['while the store does not answer', new Error('the read side cannot start: no reason'), 1],
  ])('%s, is told in one sentence, to be begun again', async (_, error, tries) => {
    const { engines } = away(tries);
    const failure = await startFailure(engines, error);
    expect(failure).toBeInstanceOf(RecordAwayError);
    expect(failureOf(failure)).toEqual({ code: 75, text: expect.stringMatching(/^the store at a:1 went away while/) });
  });

  it('for another reason, is told as it is', async () => {
    const error = new TypeError('a mistake');
    expect(await startFailure(away(0).engines, error)).toBe(error);
  });
});
