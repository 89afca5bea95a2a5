import { ANSWER_BYTES_MAX, ANSWER_RETENTION_MS, type AnswerStore } from '#answer-store';
import type { ClientBody } from '#inference';
import { type CallId, type Clock, epochMs, type OrganizationId } from '#kernel';
import { decrypt, ErasedSubjectError, encryptFor, hmacFor, type KeyStore } from '#key-store';
import type { Endpoint, KnownIdempotency } from '#ledger';
import type { Caller } from './caller';
import { type KeptAnswer, openKept, sealKept } from './kept-answer';

/** One keyed call: HMACs under a key of the organization, so that the record gives away neither key nor prompt. */
export interface KeyedCall {
  readonly key: string;
  readonly body: string;
  readonly known?: KnownIdempotency;
}

/** Printable, so that it can be a header and be spoken of. */
export function isIdempotencyKey(text: string): boolean {
  return /^[!-~]{1,255}$/.test(text);
}

function hmacSubject(orgId: OrganizationId): string {
  return `idempotency:${orgId}`;
}

function answerSubject(orgId: OrganizationId): string {
  return `answers:${orgId}`;
}

/**
 * Remembers keyed calls and their answers. A row is written before the call's settlement, so there is no charged call
 * whose key is unknown here; rows live for a day.
 */
export class KeyedAnswers {
  constructor(
    private readonly store: AnswerStore,
    private readonly keyStore: KeyStore,
    private readonly clock: Clock,
  ) {}

  /** What the ledger must know of a call with this key. Scope: project, endpoint, key. */
  async identify(caller: Caller, endpoint: Endpoint, idempotencyKey: string, { text }: ClientBody): Promise<KeyedCall> {
    const subject = hmacSubject(caller.orgId);
    const scope = JSON.stringify([caller.projectId, endpoint, idempotencyKey]);
    const [keyMac, bodyMac] = await Promise.all([
      hmacFor(this.keyStore, subject, scope),
      hmacFor(this.keyStore, subject, text),
    ]);
    const key = Buffer.from(keyMac).toString('base64url');
    const row = await this.store.find(key, this.clock.now());
    return {
      key,
      body: Buffer.from(bodyMac).toString('base64url'),
      ...(row === undefined
        ? {}
        : {
            known: {
              callId: row.callId,
              body: row.body,
              outcome: row.answer === undefined ? ('unknown' as const) : ('answered' as const),
            },
          }),
    };
  }

  /** Durable when it resolves; an answer that is too large leaves a row that says only that there was one. */
  async keep(
    caller: Pick<Caller, 'orgId' | 'requestId'>,
    keyed: KeyedCall,
    kept: KeptAnswer | undefined,
  ): Promise<void> {
    const { orgId, requestId } = caller;
    const isKept = kept !== undefined && Buffer.byteLength(kept.text) <= ANSWER_BYTES_MAX;
    const answer = isKept
      ? await sealKept(kept, (text) => encryptFor(this.keyStore, answerSubject(orgId), text, requestId))
      : undefined;
    await this.store.put(keyed.key, {
      callId: requestId,
      body: keyed.body,
      ...(answer === undefined ? {} : { answer }),
      expiresAt: epochMs(this.clock.now() + ANSWER_RETENTION_MS),
    });
  }

  /** The answer of an earlier call with this key; `undefined` when it is lost, erased or has expired. */
  async find(key: string, callId: CallId): Promise<KeptAnswer | undefined> {
    const row = await this.store.find(key, this.clock.now());
    if (row?.answer === undefined || row.callId !== callId) return undefined;
    try {
      return await openKept(row.answer, (block) => decrypt(this.keyStore, block, callId));
    } catch (error) {
      if (error instanceof ErasedSubjectError) return undefined;
      throw error;
    }
  }
}
