import type { InstallationEvent, KeyFingerprint, Keys, RecordId } from './events';

/** `undefined`: nobody has started on this record yet who would have written it down. */
export type Installation = Keys & { readonly recordId: RecordId };

export function evolveInstallation(
  state: Installation | undefined,
  event: InstallationEvent,
): Installation | undefined {
  switch (event.type) {
    case 'InstallationFounded':
      return state ?? event.data;
    case 'KeysReplaced': {
      const { keyStore, masterKey } = event.data;
      return state && { ...state, keyStore, masterKey };
    }
  }
}

/** What a process has, as fingerprints for this record. */
export interface OwnKeys {
  /** Absent: its key store has never been used with any record. */
  readonly keyStore?: KeyFingerprint;
  readonly masterKey: KeyFingerprint;
  readonly previousMasterKey?: KeyFingerprint;
}

export type Judgement =
  | { readonly ok: true; readonly event?: Extract<InstallationEvent, { type: 'KeysReplaced' }> }
  | { readonly ok: false; readonly differs: 'key-store' | 'master-key' | 'both' };

/**
 * Whether a process may work on a record. With other keys it would take every kept answer for one that was never given,
 * and charge for it again; and what it seals, nobody else could open.
 * @param accepted an operator has said that the record's own keys are lost.
 */
export function judgeKeys({ keyStore, masterKey }: Keys, own: OwnKeys, accepted: boolean): Judgement {
  const isSameStore = own.keyStore === keyStore;
  const isSameKey = own.masterKey === masterKey;
  if (isSameStore && isSameKey) return { ok: true };
  const isRotated = isSameStore && own.previousMasterKey === masterKey;
  if (own.keyStore !== undefined && (isRotated || accepted)) {
    const because = isRotated ? ('rotated' as const) : ('accepted' as const);
    const data = { keyStore: own.keyStore, masterKey: own.masterKey, because };
    return { ok: true, event: { type: 'KeysReplaced', data } };
  }
  return { ok: false, differs: isSameStore ? 'master-key' : isSameKey ? 'key-store' : 'both' };
}
