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

/** Marks the digest of a request's text as it was sent; no digest by itself holds a full stop. */
const OF_TEXT = 'text.';

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
  async identify(caller: Caller, endpoint: Endpoint, idempotencyKey: string, sent: ClientBody): Promise<KeyedCall> {
    const { orgId } = caller;
    const betas = caller.anthropic?.betas ?? [];
    const asked = betas.length === 0 ? sent.text : JSON.stringify([sent.text, betas]);
    const [key, digest] = await Promise.all([
      this.macOf(orgId, JSON.stringify([caller.projectId, endpoint, idempotencyKey])),
      this.macOf(orgId, asked),
    ]);
    const body = `${OF_TEXT}${digest}`;
    const row = await this.store.find(key, this.clock.now());
    if (row === undefined) return { key, body };
    const outcome = row.answer === undefined ? 'unknown' : 'answered';
    const isSame = row.body === body || (await this.isSameAsBefore(orgId, row.body, sent));
    return { key, body, known: { callId: row.callId, body: isSame ? body : row.body, outcome } };
  }

  /** Rows of a day ago may know their request by what its text was parsed to, and not by the text. */
  private async isSameAsBefore(orgId: OrganizationId, known: string, { value }: ClientBody): Promise<boolean> {
    return !known.startsWith(OF_TEXT) && known === (await this.macOf(orgId, JSON.stringify(value)));
  }

  private async macOf(orgId: OrganizationId, data: string): Promise<string> {
    return Buffer.from(await hmacFor(this.keyStore, hmacSubject(orgId), data)).toString('base64url');
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
