import type { KeyedAnswers } from '#gateway';
import type { OrganizationId } from '#kernel';
import type { LedgerService } from '#ledger';

/**
 * Settles calls whose answer was kept but whose settlement was lost in a crash: the kept row says exactly what they
 * cost. Others stay unresolved until somebody resolves them.
 * @returns how many were settled.
 */
export async function recoverKeyedCalls(
  ledger: LedgerService,
  answers: KeyedAnswers,
  organizations: Iterable<OrganizationId>,
): Promise<number> {
  let recovered = 0;
  for (const orgId of organizations) {
    const state = await ledger.read(orgId);
    for (const [callId, { call }] of state.unresolved) {
      if (call.idempotency === undefined) continue;
      const kept = await answers.find(call.idempotency.key, callId);
      if (kept === undefined) continue;
      const { usage, certainty } = kept;
      const outcome = await ledger.submit(
        orgId,
        { type: 'CompleteCall', callId, usage, certainty, outcome: 'complete', trace: { attempts: [], latencyMs: 0 } },
        { actor: { type: 'system', id: 'recovery' }, requestId: callId },
      );
      if (outcome.ok) recovered += 1;
    }
  }
  return recovered;
}
