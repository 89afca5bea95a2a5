import type { SeenOutput, UsageReading } from '#inference';
import { assertNever } from '#kernel';
import type { AdmittedCall } from './admitted-call';
import type { Recorded } from './call-record';
import type { MeteredRequest } from './dialect';

/** Who gave a call up while its backend may still have been at work. */
export type GivenUpBy = 'client' | 'platform';

/** As the record and the views call it. */
const REASONS: Readonly<Record<GivenUpBy, string>> = { client: 'client-left', platform: 'platform-stopped' };

const NOTHING_SEEN: SeenOutput = { textBytes: 0, deltas: 0 };

/** Who has given the call up; undefined when its time is up, or nobody has. */
export function givenUpBy<R extends MeteredRequest>({ deps, connection }: AdmittedCall<R>): GivenUpBy | undefined {
  if (deps.cut.isCut) return 'platform';
  return connection.isGone ? 'client' : undefined;
}

function note<R extends MeteredRequest>(call: AdmittedCall<R>, by: GivenUpBy): void {
  switch (by) {
    case 'client':
      call.outcome = 'client-gone';
      call.status = 499;
      break;
    case 'platform':
      call.outcome = REASONS.platform;
      break;
    default:
      assertNever(by);
  }
}

/** A client that is still there is told that it was not its doing. */
function tell<R extends MeteredRequest>(call: AdmittedCall<R>, by: GivenUpBy, recorded: Recorded): void {
  if (by === 'platform') call.answerRecorded(recorded, 'platform_stopped');
}

/** No backend has seen it in this attempt: nothing is charged. */
export async function endUnsent<R extends MeteredRequest>(call: AdmittedCall<R>, by: GivenUpBy): Promise<void> {
  note(call, by);
  const recorded = await call.record.release(`${REASONS[by]}-before-dispatch`, call.wasSent);
  if (by === 'platform') call.answerRecorded(recorded, 'not_ready', { retryAfterMs: 1_000 });
}

/** Nobody can count an answer that was not read; what is known at least is the bound of its input. */
export async function endUncounted<R extends MeteredRequest>(call: AdmittedCall<R>, by: GivenUpBy): Promise<void> {
  note(call, by);
  // The key of a call that may be charged must not be taken for free.
  await call.keeper.keepLoss();
  tell(call, by, await call.record.abandon(REASONS[by], call.leastUsage()));
}

/** A stream is charged what was seen of it, or, where that says nothing, its hold stays unresolved. */
export async function endCounted<R extends MeteredRequest>(
  call: AdmittedCall<R>,
  by: GivenUpBy,
  reading: UsageReading = { kind: 'absent' },
  seen: SeenOutput = NOTHING_SEEN,
): Promise<void> {
  note(call, by);
  await call.keeper.keepLoss();
  const { usage, certainty } = call.metering(reading, seen);
  const isUncountable = certainty === 'counted' && call.isUncountable(seen);
  const recorded = isUncountable
    ? await call.record.abandon(REASONS[by], usage)
    : await call.record.complete({
        usage,
        certainty,
        outcome: 'interrupted',
        // That a client leaves is what interrupts a stream by itself.
        ...(by === 'client' ? {} : { reason: REASONS[by] }),
      });
  if (!isUncountable) call.took(usage, recorded);
  tell(call, by, recorded);
}
