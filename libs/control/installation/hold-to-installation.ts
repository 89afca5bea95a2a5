import { createHmac } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Identifiers } from '#environment';
import { AppendOutcomeUnknownError, type EventStore, WrongExpectedRevisionError } from '#event-store';
import type { Clock } from '#kernel';
import type { KeyStore } from '#key-store';
import { evolveInstallation, type Installation, judgeKeys, type OwnKeys } from './decider';
import {
  INSTALLATION_STREAM,
  type InstallationEvent,
  installationCodec,
  type KeyFingerprint,
  type RecordId,
} from './events';

/** The key store's own key: made on first use, kept through every change of the master key. */
const SUBJECT = 'installation';
/** Processes that start together may found it at once, and each of them is told so once. */
const TRIES_MAX = 10;
const RETRY_MS = 200;

/** What a process that starts brings along. */
export interface LocalKeys {
  readonly keyStore: Pick<KeyStore, 'current' | 'find'>;
  readonly masterKey: Uint8Array;
  readonly previousMasterKey?: Uint8Array;
  /** Where they are, for messages. */
  readonly directory: string;
  /** The record that the key store was last used with. */
  readonly belongsTo: () => string | undefined;
  readonly claimFor: (recordId: RecordId) => void;
}

/** The keys of this process are not those of the record; the message says what differs and what to do. */
export class OtherInstallationError extends Error {
  override readonly name = 'OtherInstallationError';
}

export interface HoldingOptions {
  readonly store: EventStore;
  /** What the record is called, for messages. */
  readonly recordName: string;
  readonly clock: Pick<Clock, 'now'>;
  readonly identifiers: Pick<Identifiers, 'eventId'>;
  readonly keys: LocalKeys;
  /** The id that an operator has copied from the message: the keys of that record are lost. */
  readonly accepted?: string;
}

/**
 * Makes sure that a process works on the record that its keys belong to. What a record was not told yet, it is told now.
 * @throws OtherInstallationError
 */
export async function holdToInstallation(options: HoldingOptions): Promise<RecordId> {
  for (let tries = 0; ; tries += 1) {
    const { installation, revision } = await readInstallation(options.store);
    const event = installation === undefined ? await founding(options) : await replacing(options, installation);
    const written = event === undefined || (await append(options, revision, event, tries));
    if (!written) continue;
    const recordId =
      installation?.recordId ?? (event?.type === 'InstallationFounded' ? event.data.recordId : undefined);
    if (recordId === undefined) throw new Error('keys of a record were replaced that has none');
    if (options.keys.belongsTo() !== recordId) options.keys.claimFor(recordId);
    return recordId;
  }
}

async function readInstallation(store: EventStore) {
  let installation: Installation | undefined;
  let revision: bigint | 'no-stream' = 'no-stream';
  for await (const stored of store.readStream(INSTALLATION_STREAM)) {
    const decoded = installationCodec.decode(stored);
    if (decoded !== undefined) installation = evolveInstallation(installation, decoded.event);
    revision = stored.revision;
  }
  return { installation, revision };
}

async function founding({ keys, identifiers, recordName, accepted }: HoldingOptions): Promise<InstallationEvent> {
  const before = keys.belongsTo();
  if (before !== undefined && before !== accepted)
    throw new OtherInstallationError(
      `The keys in ${keys.directory} belong to the record ${before}, and ${recordName} is another: start with an empty directory, or with that record; if it is gone for good, start once with AIAAS_ACCEPT_KEY_STORE=${before}.`,
    );
  const recordId: RecordId = brand(identifiers.eventId());
  const { key } = await keys.keyStore.current(SUBJECT);
  const data = { recordId, keyStore: fingerprint(key, recordId), masterKey: fingerprint(keys.masterKey, recordId) };
  return { type: 'InstallationFounded', data };
}

function brand(id: string): RecordId {
  return id as RecordId;
}

async function replacing(
  { keys, recordName, accepted }: HoldingOptions,
  installation: Installation,
): Promise<InstallationEvent | undefined> {
  const { recordId } = installation;
  const isAccepted = accepted === recordId;
  // A key store that has none is not given one: it stays as empty as it was found.
  const found = isAccepted ? await keys.keyStore.current(SUBJECT) : await keys.keyStore.find(SUBJECT, 1);
  const previous = keys.previousMasterKey;
  const own: OwnKeys = {
    masterKey: fingerprint(keys.masterKey, recordId),
    ...(found === undefined ? {} : { keyStore: fingerprint(found.key, recordId) }),
    ...(previous === undefined ? {} : { previousMasterKey: fingerprint(previous, recordId) }),
  };
  const judged = judgeKeys(installation, own, isAccepted);
  if (judged.ok) return judged.event;
  const lost = `if those are lost for good, start once with AIAAS_ACCEPT_KEY_STORE=${recordId}`;
  throw new OtherInstallationError(
    judged.differs === 'master-key'
      ? `The master key is not the one that ${recordName} was last opened with: give this process that key, or, if it was changed on purpose, name the one before in AIAAS_MASTER_KEY_PREVIOUS; ${lost}.`
      : `${judged.differs === 'both' ? 'The master key and the key store' : 'The key store'} in ${keys.directory} are not those that ${recordName} was written with: let AIAAS_DATA (of gateways that share a record: AIAAS_SHARED_DATA) name the directory with the keys of this record; ${lost}.`,
  );
}

/** Made for one record, so that equal keys of two installations do not show. */
function fingerprint(key: Uint8Array, recordId: RecordId): KeyFingerprint {
  const digest = createHmac('sha256', key).update(`aiaas installation\n${recordId}`).digest('hex');
  return digest.slice(0, 32) as KeyFingerprint;
}

/** False: somebody else was quicker, or nobody knows; it is to be looked at again. */
async function append(
  { store, clock, identifiers }: HoldingOptions,
  expected: bigint | 'no-stream',
  event: InstallationEvent,
  tries: number,
): Promise<boolean> {
  const metadata = { actor: { type: 'system' as const, id: 'installation' }, at: clock.now() };
  try {
    const encoded = installationCodec.encode({ id: identifiers.eventId(), event, metadata });
    await store.append(INSTALLATION_STREAM, expected, [encoded]);
    return true;
  } catch (error) {
    const isDoubtful = error instanceof AppendOutcomeUnknownError;
    if (tries >= TRIES_MAX || !(isDoubtful || error instanceof WrongExpectedRevisionError)) throw error;
    if (isDoubtful) await sleep(RETRY_MS);
    return false;
  }
}
