export { type Backup, EventStoreDbDouble, type EventStoreDbDoubleOptions } from './eventstoredb-double';
export { type AppendFault, AppendFaults } from './faults';
