export { eventually, openDescriptors, peakMemoryMiB } from './process-state';
export { exchange, head, posting, type RawAnswer, RawConnection } from './raw-connection';
