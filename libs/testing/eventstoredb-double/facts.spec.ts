import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { EventStoreDbDouble } from './eventstoredb-double';
import { eventStoreDbFacts, type FactsTarget } from './facts';

/**
 * `EVENTSTOREDB_URL` names a real server. Its facts of restarting are checked when two more variables hold shell
 * commands: `EVENTSTOREDB_KILL_COMMAND` ends it as by kill -9, `EVENTSTOREDB_START_COMMAND` returns when it leads again.
 * Nothing else should write to it meanwhile: run such suites one after the other (`jest --runInBand`).
 */
const {
  EVENTSTOREDB_URL: url,
  EVENTSTOREDB_KILL_COMMAND: killCommand,
  EVENTSTOREDB_START_COMMAND: startCommand,
} = process.env;

const run = promisify(execFile);

function realServer(connectionString: string): FactsTarget {
  if (killCommand === undefined || startCommand === undefined) return { connectionString };
  const command = async (text: string): Promise<void> => {
    await run('sh', ['-c', text]);
  };
  return { connectionString, process: { kill: () => command(killCommand), start: () => command(startCommand) } };
}

let double: EventStoreDbDouble | undefined;

async function protocolDouble(): Promise<FactsTarget> {
  const started = await EventStoreDbDouble.start();
  double = started;
  return {
    connectionString: started.connectionString,
    process: { kill: () => started.kill(), start: () => started.startAgain() },
  };
}

afterAll(async () => {
  await double?.dispose();
});

if (url === undefined) eventStoreDbFacts('the protocol double', protocolDouble, true);
else eventStoreDbFacts('EVENTSTOREDB_URL', async () => realServer(url), killCommand !== undefined);
