import type { StoredEvent } from '#kernel';

/** The first place in the stores' order at which they do not hold the same. */
export type Difference =
  | {
      readonly kind: 'other-event';
      readonly index: number;
      readonly source: StoredEvent;
      readonly target: StoredEvent;
    }
  /** The source has no event any more, the target has. */
  | { readonly kind: 'target-goes-on'; readonly index: number; readonly target: StoredEvent }
  /** The target has no event any more, the source has. */
  | { readonly kind: 'target-ends'; readonly index: number; readonly source: StoredEvent }
  /** All events are the same, but a stream read by itself does not end with the event that it should. */
  | { readonly kind: 'other-head'; readonly store: 'source' | 'target'; readonly sentence: string };

/** Whether two stores hold the same event in the same place. */
export function isSameEvent(source: StoredEvent, target: StoredEvent): boolean {
  return fieldThatDiffers(source, target) === undefined;
}

type Field = 'stream' | 'revision' | 'id' | 'type' | 'bytes';

function fieldThatDiffers(source: StoredEvent, target: StoredEvent): Field | undefined {
  if (source.stream !== target.stream) return 'stream';
  if (source.revision !== target.revision) return 'revision';
  if (source.id !== target.id) return 'id';
  if (source.type !== target.type) return 'type';
  return Buffer.compare(source.body, target.body) === 0 ? undefined : 'bytes';
}

function nameOf(event: StoredEvent): string {
  return `${event.type} ${event.stream}@${event.revision} (${event.id})`;
}

/** Events are counted from 1. Names no content, since events may hold personal data. */
export function differenceSentence(difference: Difference): string {
  switch (difference.kind) {
    case 'other-event': {
      const { source, target } = difference;
      const place = `event ${difference.index + 1}`;
      return fieldThatDiffers(source, target) === 'bytes'
        ? `${place} is ${nameOf(source)} in both stores, but its bytes differ (${source.body.length} in the source, ${target.body.length} in the target)`
        : `${place} is ${nameOf(source)} in the source, but ${nameOf(target)} in the target`;
    }
    case 'target-goes-on':
      return `the source ends after ${difference.index} events, but the target goes on with ${nameOf(difference.target)}`;
    case 'target-ends':
      return `the target ends after ${difference.index} events, but the source goes on with ${nameOf(difference.source)}`;
    case 'other-head':
      return difference.sentence;
  }
}
