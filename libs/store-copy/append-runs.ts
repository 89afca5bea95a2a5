import { APPEND_BYTES_MAX, APPEND_EVENTS_MAX, type ExpectedRevision } from '#event-store';
import type { StoredEvent, StreamName } from '#kernel';
import { RecordNotWholeError } from './errors';

/** Events that follow each other in the record and belong to one stream: one append. */
export interface AppendRun {
  readonly stream: StreamName;
  readonly expected: ExpectedRevision;
  readonly events: readonly StoredEvent[];
  readonly bytes: number;
}

/** Types that begin so are the server's own in EventStoreDB: it would hide the event from every reader. */
const SYSTEM_TYPE_PREFIX = '$';

function assertCanBeCopied(event: StoredEvent): void {
  if (event.type.startsWith(SYSTEM_TYPE_PREFIX))
    throw new RecordNotWholeError(
      `event ${event.id} at ${event.stream}@${event.revision} has the type "${event.type}": types that begin with "$" belong to the store itself and cannot be copied`,
    );
}

function expectedBefore(event: StoredEvent): ExpectedRevision {
  return event.revision === 0n ? 'no-stream' : event.revision - 1n;
}

/** Cuts a record into the largest appends that keep its order. @throws RecordNotWholeError */
export async function* appendRuns(record: AsyncIterable<StoredEvent>): AsyncGenerator<AppendRun> {
  let events: StoredEvent[] = [];
  let bytes = 0;
  const run = (): AppendRun | undefined => {
    const [first] = events;
    return first && { stream: first.stream, expected: expectedBefore(first), events, bytes };
  };
  for await (const event of record) {
    assertCanBeCopied(event);
    const fits =
      events[0]?.stream === event.stream &&
      events.length < APPEND_EVENTS_MAX &&
      bytes + event.body.length <= APPEND_BYTES_MAX;
    if (!fits) {
      const done = run();
      events = [];
      bytes = 0;
      if (done !== undefined) yield done;
    }
    events.push(event);
    bytes += event.body.length;
  }
  const rest = run();
  if (rest !== undefined) yield rest;
}
