import { type BarSubject, barKey, type LedgerState } from '#ledger';

/**
 * What a bar's reason says about the fact that is to follow in the subject's own stream, so that a process which finds
 * a bar without that fact knows how to finish.
 */
export type Barred =
  | { readonly because: 'suspended'; readonly reason: string }
  | { readonly because: 'closed' }
  | { readonly because: 'archived' }
  | { readonly because: 'disabled' }
  | { readonly because: 'revoked'; readonly reason: string };

export function barReason(barred: Barred): string {
  return 'reason' in barred ? `${barred.because}: ${barred.reason}` : barred.because;
}

/** A bar that was put up for another reason is somebody else's: `undefined`. */
function parseBarReason(text: string): Barred | undefined {
  if (text === 'closed' || text === 'archived' || text === 'disabled') return { because: text };
  const [, because, reason] = /^(suspended|revoked): (.+)$/s.exec(text) ?? [];
  if (reason === undefined) return undefined;
  return because === 'suspended' || because === 'revoked' ? { because, reason } : undefined;
}

export function isBarred(state: LedgerState, subject: BarSubject): boolean {
  return state.bars.has(barKey(subject));
}

export function barOf(state: LedgerState, subject: BarSubject): Barred | undefined {
  const reason = state.bars.get(barKey(subject));
  return reason === undefined ? undefined : parseBarReason(reason);
}
