import { z } from 'zod';
import { ANSWER_BYTES_MAX, ANSWER_RETENTION_MS, type AnswerStore } from '#answer-store';
import { type CallId, type Clock, epochMs, type OrganizationId, type TokenUsage } from '#kernel';
import { decrypt, ErasedSubjectError, encryptFor, hmacFor, type KeyStore } from '#key-store';
import { type Endpoint, type KnownIdempotency, usageSchema } from '#ledger';
import type { Caller } from './caller';

/** An answer as a repeat of its Idempotency-Key gets it, and what it settles should its settlement have been lost. */
const keptAnswerSchema = z.object({
  status: z.number().int(),
  headers: z.record(z.string(), z.string()),
  text: z.string(),
  usage: usageSchema,
  certainty: z.enum(['reported', 'counted']),
});
export type KeptAnswer = z.output<typeof keptAnswerSchema>;

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
  async identify(caller: Caller, endpoint: Endpoint, idempotencyKey: string, body: unknown): Promise<KeyedCall> {
    const subject = hmacSubject(caller.orgId);
    const scope = JSON.stringify([caller.projectId, endpoint, idempotencyKey]);
    const [keyMac, bodyMac] = await Promise.all([
      hmacFor(this.keyStore, subject, scope),
      hmacFor(this.keyStore, subject, JSON.stringify(body)),
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
  async keep(caller: Caller, keyed: KeyedCall, kept: KeptAnswer | undefined): Promise<void> {
    const { orgId, requestId } = caller;
    const text = kept === undefined ? undefined : JSON.stringify(kept);
    const sealed =
      text === undefined || Buffer.byteLength(text) > ANSWER_BYTES_MAX
        ? undefined
        : await encryptFor(this.keyStore, answerSubject(orgId), text, requestId);
    await this.store.put(keyed.key, {
      callId: requestId,
      body: keyed.body,
      ...(sealed === undefined ? {} : { answer: Buffer.from(JSON.stringify(sealed)) }),
      expiresAt: epochMs(this.clock.now() + ANSWER_RETENTION_MS),
    });
  }

  /** The answer of an earlier call with this key; `undefined` when it is lost, erased or has expired. */
  async find(key: string, callId: CallId): Promise<KeptAnswer | undefined> {
    const row = await this.store.find(key, this.clock.now());
    if (row?.answer === undefined || row.callId !== callId) return undefined;
    try {
      const block = sealedSchema.parse(JSON.parse(Buffer.from(row.answer).toString('utf8')));
      const text = Buffer.from(await decrypt(this.keyStore, block, callId)).toString('utf8');
      return keptAnswerSchema.parse(JSON.parse(text));
    } catch (error) {
      if (error instanceof ErasedSubjectError) return undefined;
      throw error;
    }
  }
}

const sealedSchema = z.object({ subject: z.string(), keyVersion: z.number(), ciphertext: z.string() });

/** The part of a running call that keeps its answer. */
export class KeyedRecord {
  private text = '';
  private isTooLarge = false;

  constructor(
    private readonly answers: KeyedAnswers,
    private readonly caller: Caller,
    private readonly keyed: KeyedCall,
  ) {}

  /** Gathers what a stream has sent so far. */
  gather(text: string): void {
    if (this.isTooLarge) return;
    this.text += text;
    if (this.text.length <= ANSWER_BYTES_MAX) return;
    this.isTooLarge = true;
    this.text = '';
  }

  /** Keeps a streamed answer: what was gathered, and its closing. */
  keepStream(
    headers: Readonly<Record<string, string>>,
    closing: string,
    usage: TokenUsage,
    certainty: KeptAnswer['certainty'],
  ) {
    return this.isTooLarge
      ? this.keepLoss()
      : this.keep({ status: 200, headers: { ...headers }, text: this.text + closing, usage: { ...usage }, certainty });
  }

  keep(kept: KeptAnswer): Promise<void> {
    return this.answers.keep(this.caller, this.keyed, kept);
  }

  /** The call may be charged, but there is no answer to repeat. */
  keepLoss(): Promise<void> {
    return this.answers.keep(this.caller, this.keyed, undefined);
  }
}
