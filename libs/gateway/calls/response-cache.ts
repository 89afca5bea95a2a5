import { ANSWER_BYTES_MAX, type AnswerStore } from '#answer-store';
import type { ResponseCache as CachePolicy } from '#identity';
import type { ClientBody } from '#inference';
import { type Clock, epochMs } from '#kernel';
import { decrypt, ErasedSubjectError, encryptFor, hmacFor, type KeyStore } from '#key-store';
import type { Endpoint } from '#ledger';
import type { Caller } from './caller';
import { type KeptAnswer, openKept, sealKept } from './kept-answer';

/** An answer that may be reused, and where it was found. */
export interface CacheHit {
  readonly kept: KeptAnswer;
  readonly policy: CachePolicy;
}

function hmacSubject(orgId: string): string {
  return `cache-keys:${orgId}`;
}

function answerSubject(orgId: string): string {
  return `cached-answers:${orgId}`;
}

/**
 * Reuses answers for exactly equal requests of one project, or of a whole organization, that asked for it. A reuse is a call like any other:
 * authorized, settled and recorded, at the price that the organization's policy sets.
 */
export class ResponseCache {
  constructor(
    private readonly store: AnswerStore,
    private readonly keyStore: KeyStore,
    private readonly clock: Clock,
  ) {}

  /** Under which an equal request is found; `undefined` when this call neither reads nor feeds the cache. */
  async keyOf(caller: Caller, endpoint: Endpoint, { text }: ClientBody): Promise<string | undefined> {
    const { responseCache, bypassesCache, idempotencyKey, routing } = caller;
    if (responseCache === undefined || bypassesCache || idempotencyKey !== undefined) return undefined;
    // Who names a backend wants that one's answer.
    if (routing.onlyBackend !== undefined) return undefined;
    // That another project has asked the same is not this one's to learn, unless the organization says so.
    const scope = responseCache.scope === 'organization' ? null : caller.projectId;
    const asked = [scope, endpoint, text, caller.anthropic?.betas ?? []];
    const mac = await hmacFor(this.keyStore, hmacSubject(caller.orgId), JSON.stringify(asked));
    return `cache:${Buffer.from(mac).toString('base64url')}`;
  }

  async find(caller: Caller, key: string): Promise<CacheHit | undefined> {
    const policy = caller.responseCache;
    const row = await this.store.find(key, this.clock.now());
    if (policy === undefined || row?.answer === undefined) return undefined;
    try {
      return { kept: await openKept(row.answer, (block) => decrypt(this.keyStore, block, row.callId)), policy };
    } catch (error) {
      if (error instanceof ErasedSubjectError) return undefined;
      throw error;
    }
  }

  /** Keeps an answer for as long as the policy says; one that is too large is not kept. */
  async keep(caller: Caller, key: string, kept: KeptAnswer): Promise<void> {
    const { responseCache: policy, orgId, requestId } = caller;
    if (policy === undefined || kept.text.length > ANSWER_BYTES_MAX) return;
    const answer = await sealKept(kept, (text) => encryptFor(this.keyStore, answerSubject(orgId), text, requestId));
    const expiresAt = epochMs(this.clock.now() + policy.ttlSeconds * 1_000);
    await this.store.put(key, { callId: requestId, body: '', answer, expiresAt });
  }
}
