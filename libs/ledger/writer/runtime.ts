import type { BootId, Clock, EventId, StreamName } from '#kernel';
import type { LedgerPeers } from './peers';
import type { LedgerWriterSettings, Timers } from './types';

/**
 * What happens where several gateways write one ledger: a batch was decided for nothing since another gateway appended
 * first; commands went to the gateway that wins; of some of these it is not known whether they were recorded; another
 * gateway asked to have commands recorded here.
 */
export const CONTENTIONS = ['round-lost', 'forwarded', 'forward-in-doubt', 'taken-from-peer'] as const;
export type Contention = (typeof CONTENTIONS)[number];

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
  /** Told once for each batch, with how many commands it was about. */
  readonly onContention?: (what: Contention, commands: number) => void;
}
