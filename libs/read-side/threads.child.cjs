// Runs the compiled read side in its worker threads over a real LMDB record; started by threads.spec.ts, which reads
// the last line of its output. Arguments: the folder of the compiled code, an empty folder for data.
const { join } = require('node:path');
const { existsSync } = require('node:fs');

const [, , dist, dataDir] = process.argv;
const { openLmdbEventStore } = require(join(dist, 'libs/event-store/lmdb'));
const { ReadSide } = require(join(dist, 'libs/read-side'));
const { SupervisedWorker } = require(join(dist, 'libs/read-side/supervised-worker'));
const { someRecord, orgId } = require(join(dist, 'projections/spec-kit'));
const { answersText } = require(join(dist, 'libs/read-side/spec-kit'));

async function copied(record, store, from) {
  const events = (await record.events()).slice(from);
  let position = 0n;
  for (const { stream, id, type, body } of events)
    ({ position } = await store.append(stream, 'any', [{ id, type, body }]));
  return position;
}

async function main() {
  const eventStoreDir = join(dataDir, 'events');
  const store = openLmdbEventStore({ directory: eventStoreDir });
  const record = await someRecord(41, 200);
  const half = await someRecord(41, 100);
  await copied(half, store, 0);

  const reports = [];
  const options = {
    dataDir,
    record: { kind: 'lmdb', directory: eventStoreDir },
    report: (report) => reports.push(report),
  };
  const readSide = await ReadSide.open({ ...options, execution: 'threads' });
  const last = await copied(record, store, (await half.events()).length);
  readSide.poke(last);
  let reached = false;
  for (let tries = 0; !reached && tries < 10; tries += 1) reached = await readSide.waitFor(last);
  const threads = await answersText(readSide, record);
  const refusal = await readSide
    .query('usageReport', { orgId, from: 5, to: 5, granularity: 'day' })
    .catch(({ name, code }) => ({ name, code }));
  const unknownView = await readSide.rebuild('nothing').catch(({ message }) => message);

  const crashes = [];
  const worker = new SupervisedWorker({
    role: { role: 'query', path: join(dataDir, 'read', 'views.sqlite') },
    onMessage: () => undefined,
    onCrash: (_message, restartInMs) => crashes.push(restartInMs),
  });
  await worker.open();
  const interrupted = worker.ask({ type: 'query', name: 'watermark', params: {} }).catch(({ code }) => code);
  worker.restart();
  const answers = [await interrupted];
  for (let again; again === undefined; )
    again = await worker.ask({ type: 'query', name: 'watermark', params: {} }).then(
      (watermark) => answers.push(String(watermark.position)),
      () => new Promise((resolve) => setImmediate(resolve)),
    );
  await worker.close();
  await readSide.close();

  const inProcess = await ReadSide.open({ ...options, execution: 'in-process' });
  const same = (await answersText(inProcess, record)) === threads;
  await inProcess.close();
  await store.close();
  const made = existsSync(join(dataDir, 'read', 'views.sqlite'));
  console.log(
    JSON.stringify({
      reached,
      same,
      made,
      bytes: threads.length,
      refusal,
      unknownView,
      answers,
      crashes,
      last: String(last),
    }),
  );
}

main();
