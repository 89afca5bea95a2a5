import { ControlPlane } from '#control';
import { systemClock, systemIdentifiers, systemTimers } from '#environment';
import { KeyedAnswers } from '#gateway';
import type { BootId } from '#kernel';
import { LedgerService } from '#ledger';
import type { Logger } from '#telemetry';
import type { Engines } from './engines';
import { recoverKeyedCalls } from './recover-keyed-calls';

export interface OpenRecord {
  readonly ledger: LedgerService;
  readonly control: ControlPlane;
  readonly keyedAnswers: KeyedAnswers;
}

function ledgerOf({ store, isShared }: Engines, owner: BootId): LedgerService {
  const identifiers = systemIdentifiers(systemClock);
  return new LedgerService(store, {
    clock: systemClock,
    timers: systemTimers,
    newEventId: () => identifiers.eventId(),
    // A store that is claimed by this process alone knows no other owner that lives. Of a shared one nobody is held
    // dead before that is proved: a hold that was expired too early would be counted at its ceiling.
    isOwnerAlive: (boot) => boot === owner || isShared,
  });
}

/** Ends holds of dead processes and, from here on, those whose deadline has passed. */
async function startLedger(ledger: LedgerService, { isShared }: Engines, logger: Logger): Promise<void> {
  // Other gateways' ledgers are none of this one's start: a scan of every stream would take longer the more there are.
  if (isShared) return ledger.watch();
  const orphans = await ledger.start();
  if (orphans > 0) logger.warn({ orphans }, 'calls of an earlier process have become unresolved');
}

/**
 * Opens the record and brings it to where calls could be admitted: holds of dead processes are ended, half-done commands
 * finished, kept answers settled.
 */
export async function openRecord(engines: Engines, owner: BootId, logger: Logger): Promise<OpenRecord> {
  const { store, keyStore, answers } = engines;
  const ledger = ledgerOf(engines, owner);
  await startLedger(ledger, engines, logger);
  const onProblem = (error: Error) => logger.error({ error }, 'control plane');
  const identifiers = systemIdentifiers(systemClock);
  const control = await ControlPlane.open({ store, keyStore, ledger, clock: systemClock, identifiers, onProblem });
  const keyedAnswers = new KeyedAnswers(answers, keyStore, systemClock);
  const recovered = await recoverKeyedCalls(ledger, keyedAnswers, control.organizationIds());
  if (recovered > 0) logger.warn({ recovered }, 'calls were settled from their kept answers');
  return { ledger, control, keyedAnswers };
}
