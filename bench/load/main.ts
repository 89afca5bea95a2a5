import type { Answer } from './answer-reader';
import { LoadConnection } from './connection';
import type { LoadJob, LoadMessage, LoadResult } from './job';
import { Latencies } from './latencies';

/** The load generator: its own process, told what to do over the channel to its parent, and ended with it. */

function requestOf({ path, headers, body }: LoadJob): Buffer {
  const lines = Object.entries({ host: '127.0.0.1', 'content-length': String(Buffer.byteLength(body)), ...headers });
  return Buffer.from(
    `POST ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`,
  );
}

function run(job: LoadJob): Promise<LoadResult> {
  return new Promise((resolve, reject) => {
    const request = requestOf(job);
    const latencies = new Latencies();
    const fromMs = performance.now() + job.warmUpMs;
    const toMs = fromMs + job.measureMs;
    let failures = 0;
    let wholeAnswers = 0;
    let firstFailure: string | undefined;
    const onAnswer = ({ status, isWhole }: Answer, latencyMs: number, endedMs: number): void => {
      if (status !== 200 || !isWhole) {
        failures += 1;
        firstFailure ??= `status ${status}${isWhole ? '' : ', cut'}`;
        return;
      }
      wholeAnswers += 1;
      if (endedMs >= fromMs && endedMs < toMs) latencies.add(latencyMs);
    };
    const stopAll = (): void => {
      for (const connection of connections) connection.stop();
    };
    const onBroken = (reason: string): void => {
      clearTimeout(timer);
      stopAll();
      reject(new Error(reason));
    };
    const connections = Array.from(
      { length: job.connections },
      () => new LoadConnection(job.port, request, onAnswer, onBroken),
    );
    const timer = setTimeout(() => {
      stopAll();
      resolve({
        answers: latencies.count,
        answersWithWarmUp: wholeAnswers,
        failures,
        ...(firstFailure === undefined ? {} : { firstFailure }),
        perSecond: (latencies.count * 1_000) / job.measureMs,
        ...latencies.summary(),
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
