import type { DecodedEvent, DomainEvent, EpochMs, StoredEvent } from '#kernel';
import { epochMs } from '#kernel';
import type { EventSource, Projection } from '#read-store';
import type { Problem } from '../problems';

/** An event, and what is known of it before any view folds it. */
export interface BatchEvent {
  readonly stored: StoredEvent;
  /** Absent when no view needs it. */
  readonly source?: EventSource<DomainEvent>;
  readonly decoded?: DecodedEvent<DomainEvent>;
  readonly problem?: Problem;
}

export interface DecodingSettings {
  readonly projections: readonly Projection[];
  /** Whether an event is of a known context and type, even where no view needs it. */
  readonly isKnown: (event: Pick<StoredEvent, 'stream' | 'type'>) => boolean;
}

export function problemWith(stored: StoredEvent, kind: Problem['kind'], message: string, view?: string): Problem {
  const { position, id, stream, type } = stored;
  return { position, eventId: id, stream, type, kind, message, ...(view === undefined ? {} : { view }) };
}

export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${messageOf(error.cause)}`;
}

const TIME = /"at":"([^"]{20,30})"/;
const decoder = new TextDecoder();

/** When an event happened, from its canonical bytes: `at` comes before everything that a client could have put there. */
export function timeOf({ body }: StoredEvent): EpochMs | undefined {
  const head = decoder.decode(body.subarray(0, 400));
  const at = Date.parse(TIME.exec(head)?.[1] ?? '');
  return Number.isNaN(at) ? undefined : epochMs(at);
}

/** Decodes each event once, for all views that need it; says which cannot be read or are of no known kind. */
export function eventDecoder({ projections, isKnown }: DecodingSettings): (stored: StoredEvent) => BatchEvent {
  const folds = projections.flatMap((projection) => projection.folds);
  const sources = [...new Set(folds.map(({ source }) => source))].map((source) => ({
    source,
    types: new Set<string>(folds.filter((fold) => fold.source === source).flatMap((fold) => [...fold.types])),
  }));
  return (stored) => {
    const found = sources.find(({ source }) => stored.stream.startsWith(source.streamPrefix));
    if (found === undefined || !found.types.has(stored.type))
      return isKnown(stored)
        ? { stored }
        : { stored, problem: problemWith(stored, 'unknown_event', `no view knows ${stored.type} in ${stored.stream}`) };
    try {
      const decoded = found.source.codec.decode(stored);
      return decoded === undefined ? { stored } : { stored, source: found.source, decoded };
    } catch (error) {
      return { stored, problem: problemWith(stored, 'unreadable_event', messageOf(error)) };
    }
  };
}
