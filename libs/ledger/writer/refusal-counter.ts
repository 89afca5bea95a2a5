import { type CallId, type EpochMs, type EventId, epochMs } from '#kernel';
import type { AuthorizeCall, CountRefusals, RecordRefusal } from '../commands';
import { refusalModel } from '../decide';
import { entryAt } from '../expiring-map';
import { type LedgerState, REFUSAL_WINDOW_MS, refusalKey } from '../state';

/** As many request ids as one counting event names; the rest is only counted. */
export const COUNTED_CALL_IDS_MAX = 32;

interface Count {
  readonly eventId: EventId;
  readonly command: Omit<CountRefusals, 'count' | 'callIds'>;
  count: number;
  readonly callIds: CallId[];
}

/**
 * Refusals after the first of their kind in a window: kept here until the window ends, then written as one event whose
 * id was given out beforehand. A crash loses at most one window of counts, never the fact that calls were refused.
 */
export class RefusalCounter {
  private readonly counts = new Map<string, Count>();

  constructor(private readonly newEventId: () => EventId) {}

  get isEmpty(): boolean {
    return this.counts.size === 0;
  }

  /** Counts one refusal; the answer names the event that will record it. */
  count(command: AuthorizeCall | RecordRefusal, code: string, state: LedgerState): EventId {
    const model = refusalModel(state, command.keyId, code, command.model);
    const key = refusalKey(command.keyId, code, model);
    let count = this.counts.get(key);
    if (count === undefined) {
      const window = entryAt(state.refusals, key, state.time);
      const { keyId, projectId } = command;
      count = {
        eventId: this.newEventId(),
        command: { type: 'CountRefusals', keyId, projectId, model, code, from: window?.from ?? state.time },
        count: 0,
        callIds: [],
      };
      this.counts.set(key, count);
    }
    count.count += 1;
    if (count.callIds.length < COUNTED_CALL_IDS_MAX) count.callIds.push(command.callId);
    return count.eventId;
  }

  /** Takes out the counts of windows that have ended, or all of them. */
  take(now: EpochMs | 'all'): readonly { readonly eventId: EventId; readonly command: CountRefusals }[] {
    const taken: { eventId: EventId; command: CountRefusals }[] = [];
    for (const [key, { eventId, command, count, callIds }] of this.counts) {
      if (now !== 'all' && now < epochMs(command.from + REFUSAL_WINDOW_MS)) continue;
      this.counts.delete(key);
      taken.push({ eventId, command: { ...command, count, callIds } });
    }
    return taken;
  }
}
