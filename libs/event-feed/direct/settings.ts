/** The only partition: everything, in the record's own order. */
export const DIRECT_PARTITION = 'all';

export interface DirectFeedSettings {
  readonly batchEventsMax: number;
  /** Of bodies; a batch ends with the event that reaches it. */
  readonly batchBytesMax: number;
  /** How often the record is looked at when nobody says that something is new. */
  readonly pollMs: number;
  /** The pause after a first failure; it doubles up to the second value. */
  readonly retryMs: number;
  readonly retryMsMax: number;
}

export const DEFAULT_DIRECT_FEED_SETTINGS: DirectFeedSettings = {
  // Larger ones fold no faster, and hold the newest events up longer.
  batchEventsMax: 500,
  batchBytesMax: 8_000_000,
  pollMs: 1_000,
  retryMs: 50,
  retryMsMax: 5_000,
};
