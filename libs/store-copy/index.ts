export { type CompareOptions, type Comparison, compareRecords } from './compare-records';
export { type CopyOptions, type CopyReport, copyRecord } from './copy-record';
export { type Difference, differenceSentence } from './difference';
export { RecordNotWholeError, TargetInUseError } from './errors';
export { HEARTBEAT_PREFIX } from './heartbeat-streams';
export type { Progress } from './progress';
export { RecordDigest } from './record-digest';
export type { RecordSummary } from './record-tally';
