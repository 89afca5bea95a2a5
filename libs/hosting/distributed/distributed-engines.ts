import { derivePeerKey } from '#cluster';
import { ConfigurationError, type DistributedConfiguration } from '#configuration';
import { EventStoreDbEventStore, InvalidConnectionStringError, parseConnectionString } from '#event-store/eventstoredb';
import { claimDirectory, StoreOpenError } from '#event-store/lmdb';
import { loadMasterKey } from '#key-store';
import { connectionLimits } from '../connection-limits';
import type { EngineKit, Engines } from '../engines';
import { openLocalStores } from '../local-stores';

const BEATS_KEPT_MAX = 100;

/** Hosts and ports of a connection string: what may be told to anybody. */
function hostsOf(connectionString: string): string {
  const { endpoints } = parseConnectionString(connectionString);
  return endpoints.map(({ address, port }) => `${address}:${port}`).join(', ');
}

function openStore(connectionString: string): EventStoreDbEventStore {
  try {
    return new EventStoreDbEventStore(parseConnectionString(connectionString));
  } catch (error) {
    if (!(error instanceof InvalidConnectionStringError)) throw error;
    throw new ConfigurationError(`AIAAS_EVENTSTOREDB_URL cannot be used: ${error.message}.`, { cause: error });
  }
}

/** Two gateways that fold into the same views would spoil them for each other. */
function claimViews(dataDir: string): ReturnType<typeof claimDirectory> {
  try {
    return claimDirectory(dataDir, 'the data of a gateway');
  } catch (error) {
    if (!(error instanceof StoreOpenError)) throw error;
    throw new ConfigurationError(`AIAAS_DATA cannot be used: ${error.message}.`, { cause: error });
  }
}

/**
 * Nothing is asked of the store yet, so it need not be there.
 * @throws ConfigurationError (also where another gateway uses the data directory), MasterKeyError or KeyStoreOpenError, each with a sentence that says what to do.
 */
export async function openDistributedEngines(
  configuration: DistributedConfiguration,
  environment: NodeJS.ProcessEnv,
): Promise<Engines> {
  const { eventStoreDbUrl, sharedDataDir, dataDir, peer } = configuration;
  const masterKey = loadMasterKey(environment, sharedDataDir).key;
  const store = openStore(eventStoreDbUrl);
  const claim = claimViews(dataDir);
  const local = await openLocalStores(sharedDataDir, environment, true).catch(async (error: unknown) => {
    await claim.release();
    await store.close();
    throw error;
  });
  return {
    ...local,
    store,
    record: { kind: 'eventstoredb', url: eventStoreDbUrl },
    recordName: `EventStoreDB at ${hostsOf(eventStoreDbUrl)}`,
    sharing: {
      peer,
      peerKey: derivePeerKey(masterKey),
      limits: connectionLimits(configuration),
      recordedAt: (stream, revision) => store.recordedAt(stream, revision),
      // Of a gateway only its newest beats say anything.
      limitHistory: (stream) => store.limitStream(stream, { maxCount: BEATS_KEPT_MAX }),
    },
    async close() {
      await local.close();
      await store.close();
      await claim.release();
    },
  };
}

/** The record in EventStoreDB; keys and kept answers in a directory that the gateways of this machine share. */
export const distributed: EngineKit<'distributed'> = {
  mode: 'distributed',
  checks: { eventStoreDbUrl: parseConnectionString },
  open: openDistributedEngines,
};
