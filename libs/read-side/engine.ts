import { existsSync } from 'node:fs';
import type { ReadSideOptions, ReadSideReport, RebuildProgress } from './port';
import { Projector } from './projector';
import type { QueryAnswer, QueryName, QueryParams } from './queries';
import { QueryRunner } from './query-runner';
import { openRecordReader } from './record-source';
import type { FieldNames } from './render';
import { SupervisedWorker, WORKER_ENTRY } from './supervised-worker';

/** The projector and the query runner, wherever they run. */
export interface Engine {
  poke(): void;
  rebuild(view: string): Promise<void>;
  query<N extends QueryName>(name: N, params: QueryParams<N>): Promise<QueryAnswer<N>>;
  queryJson<N extends QueryName>(name: N, params: QueryParams<N>, names: FieldNames): Promise<Uint8Array>;
  close(): Promise<void>;
}

export interface EngineEvents {
  readonly onLive: (position: bigint) => void;
  readonly onReport: (report: ReadSideReport) => void;
  readonly onProgress: (progress: readonly RebuildProgress[]) => void;
}

/** The same code in this thread, for tests and tools. */
async function openInProcess(path: string, options: ReadSideOptions, events: EngineEvents): Promise<Engine> {
  const opened: Projector[] = [];
  const projector = await Projector.open({
    path,
    record: options.reader ?? (await openRecordReader(options.record)),
    report: (report) => {
      events.onProgress(opened[0]?.progress() ?? []);
      events.onReport(report);
    },
    onLive: (checkpoint) => events.onLive(checkpoint?.position ?? 0n),
  });
  opened.push(projector);
  events.onProgress(projector.progress());
  const runner = QueryRunner.open(path);
  return {
    poke: () => projector.poke(),
    rebuild: async (view) => projector.rebuild(view),
    query: (name, params) => runner.run(name, params),
    queryJson: (name, params, names) => runner.json(name, params, names),
    close: async () => {
      await runner.close();
      await projector.close();
    },
  };
}

async function openThreads(path: string, options: ReadSideOptions, events: EngineEvents): Promise<Engine> {
  const queryWorkers: SupervisedWorker[] = [];
  const crashed = (worker: string) => (message: string, restartInMs: number) =>
    events.onReport({ type: 'worker-crashed', worker, message, restartInMs });
  const projector = new SupervisedWorker({
    role: { role: 'projector', path, record: options.record },
    onCrash: crashed('projector'),
    onMessage: (message) => {
      if (message.type === 'live') events.onLive(message.position);
      else if (message.type === 'report') {
        events.onProgress(message.progress);
        events.onReport(message.report);
      } else {
        events.onProgress(message.progress);
        if (message.recreated) for (const worker of queryWorkers) worker.restart();
      }
    },
  });
  // The projector makes the file, so it comes first.
  await projector.open();
  for (let index = 0; index < (options.queryWorkers ?? 1); index += 1)
    queryWorkers.push(
      new SupervisedWorker({
        role: { role: 'query', path },
        onCrash: crashed(`query-${index}`),
        onMessage: () => undefined,
      }),
    );
  await Promise.all(queryWorkers.map((worker) => worker.open()));
  const leastBusy = () => queryWorkers.reduce((least, worker) => (worker.waiting < least.waiting ? worker : least));
  return {
    poke: () => projector.tell({ type: 'poke' }),
    rebuild: async (view) => {
      await projector.ask({ type: 'rebuild', view });
    },
    query: async <N extends QueryName>(name: N, params: QueryParams<N>) =>
      (await leastBusy().ask({ type: 'query', name, params })) as QueryAnswer<N>,
    queryJson: async (name, params, names) =>
      (await leastBusy().ask({ type: 'query-json', name, params, names })) as Uint8Array,
    close: async () => {
      await Promise.all(queryWorkers.map((worker) => worker.close()));
      await projector.close();
    },
  };
}

export function openEngine(path: string, options: ReadSideOptions, events: EngineEvents): Promise<Engine> {
  const execution = options.execution ?? (existsSync(WORKER_ENTRY) ? 'threads' : 'in-process');
  if (execution === 'in-process') return openInProcess(path, options, events);
  if (options.reader !== undefined)
    throw new Error('an open record cannot be given to worker threads; say where it is');
  return openThreads(path, options, events);
}
