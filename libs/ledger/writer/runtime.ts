import type { BootId, Clock, EventId, StreamName } from '#kernel';
import type { LedgerPeers } from './peers';
import type { LedgerWriterSettings, Timers } from './types';

export interface LedgerRuntime {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly newEventId: () => EventId;
  /** Whether the process that holds a call can still end it. */
  readonly isOwnerAlive: (owner: BootId) => boolean;
  readonly settings: LedgerWriterSettings;
  /** Present where other gateways write the same ledgers; without it this process is the only writer. */
  readonly peers?: LedgerPeers;
  /** Told that the store no longer holds what this process has read from it: nothing may be admitted any more. */
  readonly onHistoryChanged?: (stream: StreamName) => void;
}
