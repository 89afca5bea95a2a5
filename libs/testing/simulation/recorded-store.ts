import { type AppendResult, type ExpectedRevision, WrongExpectedRevisionError } from '#event-store';
import { MemoryEventStore } from '#event-store/memory';
import type { EncodedEvent, StoredEvent, StreamName } from '#kernel';

/**
 * A store in memory that tells of every event in the moment in which it becomes durable. It may be one that takes a
 * repeated append for a conflict: writers must find their own events in the record then.
 */
export class RecordedStore extends MemoryEventStore {
  /** Appends that were refused since somebody else was first. */
  conflicts = 0;
  private readonly heads = new Map<StreamName, bigint>();

  constructor(
    private readonly knowsRepeats: boolean,
    private readonly onRecorded: (event: StoredEvent) => void,
  ) {
    super();
  }

  override async append(
    stream: StreamName,
    expected: ExpectedRevision,
    events: readonly EncodedEvent[],
  ): Promise<AppendResult> {
    const result = await super.append(stream, expected, events).catch((error: unknown) => {
      if (error instanceof WrongExpectedRevisionError) this.conflicts += 1;
      throw error;
    });
    const head = this.heads.get(stream) ?? -1n;
    if (result.revision <= head) {
      if (!this.knowsRepeats) throw new WrongExpectedRevisionError(stream, expected, head);
      return result;
    }
    this.heads.set(stream, result.revision);
    const before = result.position - BigInt(events.length);
    for (const [i, event] of events.entries()) {
      const nth = BigInt(i) + 1n;
      this.onRecorded({ ...event, stream, revision: head + nth, position: before + nth });
    }
    return result;
  }
}
