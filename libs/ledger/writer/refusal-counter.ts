import { type CallId, type Clock, type EpochMs, type EventId, epochMs } from '#kernel';
import type { AuthorizeCall, CountRefusals, RecordRefusal } from '../commands';
import { ledgerTime, refusalModel } from '../decide';
import { entryAt } from '../expiring-map';
import { type LedgerState, REFUSAL_WINDOW_MS, refusalKey } from '../state';

/** As many request ids as one counting event names; the rest is only counted. */
export const COUNTED_CALL_IDS_MAX = 32;

/** The finest stretch of time that usage is added up in: what one event counts falls into one of them. */
const QUARTER_MS = 900_000;

interface Count {
  readonly eventId: EventId;
  readonly command: Omit<CountRefusals, 'count' | 'callIds' | 'times'>;
  count: number;
  readonly callIds: CallId[];
  readonly times: EpochMs[];
}

/**
 * Refusals after the first of their kind in a window: kept here until the window ends, then written as one event whose
 * id was given out beforehand. A crash loses at most one window of counts, never the fact that calls were refused.
 */
export class RefusalCounter {
  private readonly counts = new Map<string, Count>();

  constructor(
    private readonly newEventId: () => EventId,
    private readonly clock: Pick<Clock, 'now'>,
  ) {}

  get isEmpty(): boolean {
    return this.counts.size === 0;
  }

  /** Counts one refusal; the answer names the event that will record it. */
  count(command: AuthorizeCall | RecordRefusal, code: string, state: LedgerState): EventId {
    const at = ledgerTime(state, this.clock.now());
    const { keyId, projectId, callId } = command;
    const model = refusalModel(state, keyId, code, command.model);
    const kind = refusalKey(keyId, code, model);
    const teamId = state.projectTeams.get(projectId);
    const key = `${kind}|${teamId ?? ''}|${Math.floor(at / QUARTER_MS)}`;
    let count = this.counts.get(key);
    if (count === undefined) {
      const from = entryAt(state.refusals, kind, state.time)?.from ?? state.time;
      const team = teamId === undefined ? {} : { teamId };
      count = {
        eventId: this.newEventId(),
        command: { type: 'CountRefusals', keyId, projectId, ...team, model, code, from },
        count: 0,
        callIds: [],
        times: [],
      };
      this.counts.set(key, count);
    }
    count.count += 1;
    if (count.callIds.length < COUNTED_CALL_IDS_MAX) {
      count.callIds.push(callId);
      count.times.push(at);
    }
    return count.eventId;
  }

  /** Takes out the counts of windows that have ended, or all of them. */
  take(now: EpochMs | 'all'): readonly { readonly eventId: EventId; readonly command: CountRefusals }[] {
    const taken: { eventId: EventId; command: CountRefusals }[] = [];
    for (const [key, { eventId, command, count, callIds, times }] of this.counts) {
      if (now !== 'all' && now < epochMs(command.from + REFUSAL_WINDOW_MS)) continue;
      this.counts.delete(key);
      taken.push({ eventId, command: { ...command, count, callIds, times } });
    }
    return taken;
  }
}
