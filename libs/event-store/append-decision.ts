import type { EncodedEvent, StreamName } from '#kernel';
import { type ExpectedRevision, WrongExpectedRevisionError } from './port';

/** Revision of a stream's last event; -1n while it has none, so that the next revision is always one more. */
export type HeadRevision = bigint;
export const NO_HEAD: HeadRevision = -1n;

/** Whether an append that expects this may follow this head. */
export function mayFollow(expected: ExpectedRevision, head: HeadRevision): boolean {
  return expected === 'any' || (expected === 'no-stream' ? NO_HEAD : expected) === head;
}

/**
 * Where the events of an append would stand if it had been written before under the same expected revision. It is a
 * repeat if exactly its ids stand there; `undefined` when that cannot be.
 */
export function repeatedRange(
  expected: ExpectedRevision,
  head: HeadRevision,
  events: readonly EncodedEvent[],
): { readonly first: bigint; readonly last: bigint } | undefined {
  if (expected === 'any') return undefined;
  const before = expected === 'no-stream' ? NO_HEAD : expected;
  const last = before + BigInt(events.length);
  return last > head ? undefined : { first: before + 1n, last };
}

export function sameIds(events: readonly EncodedEvent[], ids: readonly string[]): boolean {
  return events.length === ids.length && events.every((event, index) => event.id === ids[index]);
}

export function wrongExpectedRevision(
  stream: StreamName,
  expected: ExpectedRevision,
  head: HeadRevision,
): WrongExpectedRevisionError {
  return new WrongExpectedRevisionError(stream, expected, head === NO_HEAD ? 'no-stream' : head);
}
