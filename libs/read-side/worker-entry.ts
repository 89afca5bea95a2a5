import { stat } from 'node:fs/promises';
import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { QueryRefusedError } from '#projections/common';
import { Projector } from './projector';
import type { WorkerFailure, WorkerMessage, WorkerRequest, WorkerRole } from './protocol';
import type { QueryName, QueryParams } from './queries';
import { QueryRunner } from './query-runner';
import { openRecordReader } from './record-source';

function post(message: WorkerMessage, handedOver: readonly ArrayBuffer[] = []): void {
  parentPort?.postMessage(message, handedOver);
}

function failureOf(error: unknown): WorkerFailure {
  if (error instanceof QueryRefusedError) return { kind: 'refused', code: error.code, message: error.message };
  return { kind: 'error', message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

async function answering(id: number, run: () => unknown): Promise<void> {
  try {
    const answer = await run();
    post({ type: 'answer', id, answer }, answer instanceof Uint8Array ? [answer.buffer as ArrayBuffer] : []);
  } catch (error) {
    post({ type: 'failure', id, failure: failureOf(error) });
  }
}

/** Ends the thread by itself once nothing keeps it alive. */
async function closing(close: () => Promise<void>): Promise<void> {
  await close();
  parentPort?.close();
}

/** Of a thread, where 0 is everybody's and 19 the most modest: about a third of the processor when others want it too. */
const READING_NICENESS = 5;

/** Views may lag and questions wait while the processors are busy, calls should not. Elsewhere a priority belongs to the whole process. */
async function giveWay(): Promise<void> {
  if (process.platform !== 'linux') return;
  // The pool of threads that the record is written with is made at its first use and inherits this thread's priority.
  await stat(__filename);
  setPriority(READING_NICENESS);
}

async function runProjector({ path, record }: Extract<WorkerRole, { role: 'projector' }>): Promise<void> {
  await giveWay();
  const opened: Projector[] = [];
  const projector = await Projector.open({
    path,
    record: await openRecordReader(record),
    report: (report) => post({ type: 'report', report, progress: opened[0]?.progress() ?? [] }),
    onLive: (checkpoint) => post({ type: 'live', position: checkpoint?.position ?? 0n }),
  });
  opened.push(projector);
  parentPort?.on('message', (request: WorkerRequest) => {
    if (request.type === 'poke') projector.poke();
    else if (request.type === 'rebuild') void answering(request.id, () => projector.rebuild(request.view));
    else if (request.type === 'close') void closing(() => projector.close());
  });
  post({ type: 'opened', recreated: projector.recreated, progress: projector.progress() });
}

async function runQueries({ path }: Extract<WorkerRole, { role: 'query' }>): Promise<void> {
  await giveWay();
  const runner = QueryRunner.open(path);
  parentPort?.on('message', (request: WorkerRequest) => {
    if (request.type === 'query') {
      const { id, name, params } = request;
      void answering(id, () => runner.run(name, params as QueryParams<QueryName>));
    } else if (request.type === 'query-json') {
      const { id, name, params, names } = request;
      void answering(id, () => runner.json(name, params as QueryParams<QueryName>, names));
    } else if (request.type === 'close') void closing(() => runner.close());
  });
  post({ type: 'opened', recreated: false, progress: [] });
}

async function main(role: WorkerRole): Promise<void> {
  if (role.role === 'projector') await runProjector(role);
  else await runQueries(role);
}

// A failure to open ends the thread; the main thread reports it and starts another one.
main(workerData as WorkerRole).catch((error: unknown) => {
  queueMicrotask(() => {
    throw error;
  });
});
