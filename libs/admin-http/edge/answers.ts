import type { CommandAnswer, ControlRefusal, Executed, LedgerEdited, Versioned } from '#control';
import { stale } from '../problems/problem';
import { problemOfRefusal } from '../problems/refusal-status';

export type Body = Readonly<Record<string, unknown>>;

/** What a read answers; the tag goes into ETag. */
export interface ReadAnswer {
  readonly body: object;
  readonly tag?: string;
}

export type Accepted<S> = Extract<Executed<S, ControlRefusal>, { kind: 'accepted' }>;

/** What a command did. @throws Problem for everything else. */
export function accepted<S>(executed: Executed<S, ControlRefusal>): Accepted<S> {
  switch (executed.kind) {
    case 'accepted':
      return executed;
    case 'refused':
      throw problemOfRefusal(executed.refusal);
    case 'stale':
      throw stale();
  }
}

export function acceptedByLedger(edited: LedgerEdited): Extract<LedgerEdited, { kind: 'accepted' }> {
  switch (edited.kind) {
    case 'accepted':
      return edited;
    case 'refused':
      throw problemOfRefusal(edited.refusal);
    case 'stale':
      throw stale();
  }
}

/** The resource as it is now. */
export function answerOf<S>(aggregate: Versioned<S>, body: object, status = 200): CommandAnswer {
  return {
    status,
    body: body as Body,
    etag: String(aggregate.revision),
    position: String(aggregate.position),
  };
}

/** 201 for what was made by this command, 200 for what was there already. */
export function createdAnswerOf<S>({ aggregate, changed }: Accepted<S>, body: object): CommandAnswer {
  return answerOf(aggregate, body, changed ? 201 : 200);
}
