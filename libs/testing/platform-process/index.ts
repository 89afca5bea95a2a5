export { AdminClient, AdminError, type ModelWanted } from './admin-client';
export { type Exit, PlatformChild } from './child-process';
export { builtMain, builtProgram, projectRoot } from './fresh-build';
export { TEST_MODE, type TestMode } from './ground';
export type { LogLine } from './log-lines';
export { type FirstRunSecrets, type PlatformOptions, PlatformProcess } from './platform-process';
export { eventsOfCall, foldLedger, type RecordedLedgerEvent, readAllEvents, readLedger } from './recorded-events';
