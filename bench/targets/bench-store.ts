import { EventStoreDbEventStore, parseConnectionString } from '#event-store/eventstoredb';
import { startStoreServer } from '#testing/gateway-cluster';

/** Names a server that runs already; see `SERVER_COMMAND_VARIABLE` for one that the bench starts. */
export const SERVER_URL_VARIABLE = 'EVENTSTOREDB_URL';

/** The event store that gateways are measured on. */
export interface BenchStore {
  readonly description: string;
  readonly connectionString: string;
  /** Where the log ends, in bytes, as the server counts them. */
  endOfLog(): Promise<bigint>;
  stop(): Promise<void>;
}

interface Server {
  readonly description: string;
  readonly connectionString: string;
  stop(): Promise<void>;
}

async function serverOf(dataDir: string, environment: NodeJS.ProcessEnv): Promise<Server> {
  const url = environment[SERVER_URL_VARIABLE];
  if (url !== undefined && url !== '')
    return { description: 'a real server that ran already', connectionString: url, stop: async () => undefined };
  const server = await startStoreServer(dataDir, environment);
  const description = server.isKilledForReal ? 'a real server' : 'the protocol double, which keeps nothing on disk';
  return { description, connectionString: server.connectionString, stop: () => server.stop() };
}

/** The server that the environment names or says how to start, else the protocol double as a process of its own. */
export async function openBenchStore(dataDir: string, environment = process.env): Promise<BenchStore> {
  const server = await serverOf(dataDir, environment);
  const reader = new EventStoreDbEventStore(parseConnectionString(server.connectionString));
  return {
    description: server.description,
    connectionString: server.connectionString,
    endOfLog: () => reader.lastPosition(),
    async stop() {
      await reader.close();
      await server.stop();
    },
  };
}
