import { ControlPlane } from '#control';
import { systemClock, systemIdentifiers, systemTimers } from '#environment';
import { KeyedAnswers } from '#gateway';
import type { BootId, EpochMs } from '#kernel';
import { CONTENTIONS, type Contention, LedgerService, type LedgerServiceOptions } from '#ledger';
import type { Logger, Metrics } from '#telemetry';
import { ClusterNode } from './cluster-node';
import type { Engines } from './engines';
import { recoverKeyedCalls } from './recover-keyed-calls';
import { OrphanSweep } from './sweep-orphans';

export interface OpenRecord {
  readonly ledger: LedgerService;
  readonly control: ControlPlane;
  readonly keyedAnswers: KeyedAnswers;
  /** Present where other gateways write to the record too. */
  readonly node?: ClusterNode;
  /** Writes down what was only counted, and takes leave of the other gateways. */
  close(): Promise<void>;
}

function ledgerOf(
  { store }: Engines,
  others: Pick<LedgerServiceOptions, 'isOwnerAlive' | 'peers' | 'onHistoryChanged' | 'onContention'>,
): LedgerService {
  const identifiers = systemIdentifiers(systemClock);
  const newEventId = () => identifiers.eventId();
  return new LedgerService(store, { clock: systemClock, timers: systemTimers, newEventId, ...others });
}

function controlOptions({ store, keyStore }: Engines, ledger: LedgerService, logger: Logger) {
  const onProblem = (error: Error) => logger.error({ error }, 'control plane');
  const identifiers = systemIdentifiers(systemClock);
  return { store, keyStore, ledger, clock: systemClock, identifiers, onProblem };
}

/** Every kind is there from the start: what never happened reads 0. */
function countContentions({ contendedBatches, contendedCommands }: Metrics): (what: Contention, many: number) => void {
  for (const what of CONTENTIONS) {
    contendedBatches.inc({ what }, 0);
    contendedCommands.inc({ what }, 0);
  }
  return (what, many) => {
    contendedBatches.inc({ what });
    contendedCommands.inc({ what }, many);
  };
}

/** A record that this process alone writes: whatever an earlier one left half done is finished before the first call. */
async function openOwnRecord(
  engines: Engines,
  owner: BootId,
  logger: Logger,
  acceptedUntil: EpochMs | undefined,
): Promise<OpenRecord> {
  // The store is claimed by this process alone, so every other boot is dead.
  const ledger = ledgerOf(engines, { isOwnerAlive: (boot) => boot === owner });
  const orphans = await ledger.start(acceptedUntil);
  if (orphans > 0) logger.warn({ orphans }, 'calls of an earlier process have become unresolved');
  const control = await ControlPlane.open(controlOptions(engines, ledger, logger));
  const keyedAnswers = new KeyedAnswers(engines.answers, engines.keyStore, systemClock);
  const recovered = await recoverKeyedCalls(ledger, keyedAnswers, control.organizationIds());
  if (recovered > 0) logger.warn({ recovered }, 'calls were settled from their kept answers');
  return {
    ledger,
    control,
    keyedAnswers,
    async close() {
      await ledger.stop();
      await control.close();
    },
  };
}

/** A record that other gateways write too: who is dead, and what they left, shows while this one runs. */
async function openSharedRecord(
  engines: Engines,
  node: ClusterNode,
  owner: BootId,
  logger: Logger,
  metrics: Metrics,
  acceptedUntil: EpochMs | undefined,
): Promise<OpenRecord> {
  const { membership, peers } = node;
  const ledger = ledgerOf(engines, {
    peers,
    isOwnerAlive: (boot) => membership.isAlive(boot),
    onHistoryChanged: (stream) => node.fail(new Error(`${stream} is no longer what was read of it`)),
    onContention: countContentions(metrics),
  });
  ledger.watch();
  const control = await ControlPlane.open({
    ...controlOptions(engines, ledger, logger),
    cluster: node.clusterOf(owner),
    onHistoryChanged: (reason) => node.fail(reason),
  });
  node.serve(ledger);
  await membership.start();
  for (const orgId of control.organizationIds()) await ledger.correctTime(orgId, acceptedUntil);
  const keyedAnswers = new KeyedAnswers(engines.answers, engines.keyStore, systemClock);
  const sweep = new OrphanSweep({ node, ledger, control, keyedAnswers, logger });
  sweep.start();
  return {
    ledger,
    control,
    keyedAnswers,
    node,
    async close() {
      await node.closeDoor();
      await sweep.stop();
      await ledger.stop();
      await control.close();
      await node.leave();
    },
  };
}

/** Opens the record and brings it to where calls could be admitted. */
export async function openRecord(
  engines: Engines,
  owner: BootId,
  logger: Logger,
  metrics: Metrics,
  acceptedUntil?: EpochMs,
): Promise<OpenRecord> {
  const { store, sharing } = engines;
  if (sharing === undefined) return openOwnRecord(engines, owner, logger, acceptedUntil);
  const node = await ClusterNode.open(store, sharing, owner, logger);
  return openSharedRecord(engines, node, owner, logger, metrics, acceptedUntil);
}
