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
 * The last revision of an append that was written before under the same expected revision; `undefined` when what stands
 * there is something else.
 */
export function repeatedRevision(
  expected: ExpectedRevision,
  head: HeadRevision,
  events: readonly EncodedEvent[],
  idAt: (revision: bigint) => string | undefined,
): bigint | undefined {
  if (expected === 'any') return undefined;
  const before = expected === 'no-stream' ? NO_HEAD : expected;
  const last = before + BigInt(events.length);
  if (last > head) return undefined;
  return events.every((event, index) => idAt(before + 1n + BigInt(index)) === event.id) ? last : undefined;
}

export function wrongExpectedRevision(
  stream: StreamName,
  expected: ExpectedRevision,
  head: HeadRevision,
): WrongExpectedRevisionError {
  return new WrongExpectedRevisionError(stream, expected, head === NO_HEAD ? 'no-stream' : head);
}
