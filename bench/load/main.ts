import type { Answer } from './answer-reader';
import { LoadConnection } from './connection';
import type { LoadJob, LoadMessage, LoadResult, LoadShare } from './job';
import { Latencies } from './latencies';

/** The load generator: its own process, told what to do over the channel to its parent, and ended with it. */

/** Who closes a connection, as a gateway does that may not admit for a moment, is tried again: so often at most. */
const BROKEN_MAX = 1_000;
const REOPEN_MS = 100;

function requestOf({ path, body }: LoadJob, headers: LoadJob['headers'][number]): Buffer {
  const lines = Object.entries({ host: '127.0.0.1', 'content-length': String(Buffer.byteLength(body)), ...headers });
  return Buffer.from(
    `POST ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`,
  );
}

/** The requests of all callers, round and round. */
function requestsOf(job: LoadJob): () => Buffer {
  const requests = job.headers.map((headers) => requestOf(job, headers));
  let next = 0;
  return () => {
    const request = requests[next] ?? Buffer.alloc(0);
    next = (next + 1) % requests.length;
    return request;
  };
}

function shareOf(latencies: Latencies, { measureMs }: LoadJob): LoadShare {
  return {
    answers: latencies.count,
    perSecond: (latencies.count * 1_000) / measureMs,
    ...latencies.summary(),
  };
}

function run(job: LoadJob): Promise<LoadResult> {
  return new Promise((resolve, reject) => {
    const nextRequest = requestsOf(job);
    const latencies = new Latencies();
    const shares = new Map(job.destinations.map(({ name }) => [name, new Latencies()]));
    const fromMs = performance.now() + job.warmUpMs;
    const toMs = fromMs + job.measureMs;
    let failures = 0;
    let wholeAnswers = 0;
    let firstFailure: string | undefined;
    const onAnswer = (name: string, { status, isWhole }: Answer, latencyMs: number, endedMs: number): void => {
      if (status !== 200 || !isWhole) {
        failures += 1;
        firstFailure ??= `status ${status}${isWhole ? '' : ', cut'}`;
        return;
      }
      wholeAnswers += 1;
      if (endedMs < fromMs || endedMs >= toMs) return;
      latencies.add(latencyMs);
      shares.get(name)?.add(latencyMs);
    };
    const stopAll = (): void => {
      for (const connection of connections) connection.stop();
    };
    let broken = 0;
    const onBroken = (reason: string, index: number): void => {
      broken += 1;
      failures += 1;
      firstFailure ??= reason;
      if (broken > BROKEN_MAX) {
        clearTimeout(timer);
        stopAll();
        reject(new Error(reason));
      } else setTimeout(() => reopen(index), REOPEN_MS);
    };
    const open = (index: number): LoadConnection => {
      const { name, port } = job.destinations[index % job.destinations.length] ?? { name: '', port: 0 };
      return new LoadConnection(
        port,
        nextRequest,
        (...answered) => onAnswer(name, ...answered),
        (reason) => onBroken(reason, index),
      );
    };
    const reopen = (index: number): void => {
      if (performance.now() >= toMs) return;
      const connection = open(index);
      connections[index] = connection;
      connection.start();
    };
    const connections = Array.from({ length: job.connections }, (_, index) => open(index));
    const timer = setTimeout(() => {
      stopAll();
      resolve({
        ...shareOf(latencies, job),
        shares: Object.fromEntries([...shares].map(([name, share]) => [name, shareOf(share, job)])),
        answersWithWarmUp: wholeAnswers,
        failures,
        ...(firstFailure === undefined ? {} : { firstFailure }),
      });
    }, job.warmUpMs + job.measureMs);
    for (const connection of connections) connection.start();
  });
}

function tell(message: LoadMessage): void {
  process.send?.(message);
}

process.on('message', (job: LoadJob) => {
  run(job).then(
    (result) => tell({ ok: true, result }),
    (error: unknown) => tell({ ok: false, error: error instanceof Error ? error.message : String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
