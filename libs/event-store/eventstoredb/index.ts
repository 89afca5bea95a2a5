export {
  type ConnectionSettings,
  type Credentials,
  type Endpoint,
  InvalidConnectionStringError,
  parseConnectionString,
  type TlsSettings,
} from './connection-settings';
export { EventStoreDbEventStore, type EventStoreDbOptions } from './eventstoredb-event-store';
export { AccessRefusedError, StreamTombstonedError } from './rpc-failure';
export type { StreamLimits } from './stream-limits';
