// Programs that the durability tests run as processes of their own, against the compiled store.
const { randomBytes } = require('node:crypto');
const { writeSync } = require('node:fs');
const { isMainThread, parentPort, Worker, workerData } = require('node:worker_threads');
const { composeEventId } = require('#kernel');
const { openLmdbEventStore, openLmdbEventStoreReader } = require('#event-store/lmdb');

const say = (line) => writeSync(1, `${line}\n`);

function batchOf(count) {
  return Array.from({ length: count }, (_, index) => ({
    id: composeEventId(Date.now(), randomBytes(10)),
    type: `part-${index + 1}-of-${count}`,
    body: Buffer.alloc(600, 'x'),
  }));
}

/** Appends for ever from several writers and says what was acknowledged: stream, last revision, ids. */
async function appendForEver(directory) {
  const store = openLmdbEventStore({ directory });
  async function write(number) {
    for (;;) {
      const stream = `kill-${number % 3}`;
      const events = batchOf(1 + ((number + Date.now()) % 4));
      const { revision } = await store.append(stream, 'any', events);
      say(`${stream} ${revision} ${events.map(({ id }) => id).join(',')}`);
    }
  }
  await Promise.all(Array.from({ length: 8 }, (_, number) => write(number)));
}

async function hold(directory) {
  openLmdbEventStore({ directory });
  say('open');
  setInterval(() => undefined, 1_000);
}

/** Says how long one append took, in milliseconds. */
async function timeOneAppend(directory) {
  const store = openLmdbEventStore({ directory });
  const begin = performance.now();
  await store.append('timed', 'any', batchOf(1));
  say(Math.floor(performance.now() - begin));
  await store.close();
}

/** Appends one after the other and says each. */
async function appendFive(directory) {
  const store = openLmdbEventStore({ directory });
  for (let number = 1; number <= 5; number += 1) {
    await store.append('five', 'any', batchOf(1));
    say(`acknowledged ${number}`);
  }
}

/** Two worker threads follow the log while this thread appends; each says what it saw. */
async function appendBesideReaders(directory) {
  const store = openLmdbEventStore({ directory });
  await store.append('watched', 'any', batchOf(1));
  const workers = [1, 2].map(() => new Worker(__filename, { workerData: { directory } }));
  const reports = workers.map(
    (worker) => new Promise((resolve, reject) => worker.on('message', resolve).on('error', reject)),
  );
  const appends = Array.from({ length: 2_000 }, (_, number) =>
    store.append(`watched-${number % 50}`, 'any', batchOf(2)),
  );
  for (const append of appends) {
    const { position } = await append;
    for (const worker of workers) worker.postMessage(position);
  }
  for (const worker of workers) worker.postMessage('end');
  for (const report of await Promise.all(reports)) say(JSON.stringify(report));
  const after = await store.append('watched', 'any', batchOf(1));
  say(JSON.stringify({ position: Number(after.position), storeId: store.storeId }));
  await store.close();
}

async function follow(directory) {
  const reader = openLmdbEventStoreReader(directory);
  let seen = 0n;
  let gaps = 0;
  let late = 0;
  async function readOn() {
    for await (const event of reader.readAll({ after: seen })) {
      if (event.position !== seen + 1n) gaps += 1;
      seen = event.position;
    }
  }
  let work = Promise.resolve();
  parentPort.on('message', (message) => {
    work = work.then(async () => {
      if (message === 'end') {
        const streams = [];
        for await (const name of reader.streamNames('watched-')) streams.push(name);
        parentPort.postMessage({ seen: Number(seen), gaps, late, streams: streams.length, storeId: reader.storeId });
        await reader.close();
        parentPort.close();
      } else if (message > seen) {
        await readOn();
        // What the main thread saw acknowledged must be visible here.
        if (seen < message) late += 1;
      }
    });
  });
}

const programs = { appendForEver, hold, timeOneAppend, appendFive, appendBesideReaders };
if (isMainThread) programs[process.argv[2]](process.argv[3]);
else follow(workerData.directory);
