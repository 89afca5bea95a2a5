import { EventStoreDbDouble } from '#testing/eventstoredb-double';
import { eventStoreContract } from '../contract';
import { parseConnectionString } from './connection-settings';
import { EventStoreDbEventStore } from './eventstoredb-event-store';

const url = process.env.EVENTSTOREDB_URL;

let double: EventStoreDbDouble | undefined;

beforeAll(async () => {
  if (url === undefined) double = await EventStoreDbDouble.start();
});

afterAll(async () => {
  await double?.dispose();
});

eventStoreContract(
  `EventStoreDbEventStore on ${url === undefined ? 'the protocol double' : 'EVENTSTOREDB_URL'}`,
  async () => {
    const settings = parseConnectionString(url ?? double?.connectionString ?? '');
    let store = new EventStoreDbEventStore(settings);
    return {
      store,
      reopen: async () => {
        await store.close();
        store = new EventStoreDbEventStore(settings);
        return store;
      },
    };
  },
);
