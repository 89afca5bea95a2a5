import type { KeyIndex } from './key-index';
import { KeyStoreOpenError, OtherMasterKeyError } from './key-store-open-error';
import { DamagedKeyError, KEY_BYTES, unwrapKey, wrapKey } from './wrapped-key';

const PURPOSE = 'aiaas master key check';

export function assertMasterKey(masterKey: Uint8Array): void {
  if (masterKey.length !== KEY_BYTES)
    throw new KeyStoreOpenError(`a master key has ${KEY_BYTES} bytes, but this one has ${masterKey.length}`);
}

/** Records that from now on everything is wrapped under this master key. Belongs inside a transaction. */
export function writeCheck(index: KeyIndex, masterKey: Uint8Array, generation: number): void {
  index.setCounter('generation', generation);
  index.setCheck(wrapKey(masterKey, Buffer.alloc(KEY_BYTES), `${PURPOSE} ${generation}`));
}

/** Finds out now, not at the first key, that this is another master key. @throws KeyStoreOpenError */
export function assertCheck(index: KeyIndex, masterKey: Uint8Array, directory: string): void {
  const check = index.check();
  if (check === undefined) throw new KeyStoreOpenError(`${directory} holds no key store; give another directory`);
  try {
    unwrapKey(masterKey, check, `${PURPOSE} ${index.counter('generation')}`);
  } catch (error) {
    if (!(error instanceof DamagedKeyError)) throw error;
    throw new OtherMasterKeyError(
      `the key store in ${directory} was made with another master key; give that one (AIAAS_MASTER_KEY, AIAAS_MASTER_KEY_FILE or keys/master.key in the data directory)`,
      { cause: error },
    );
  }
}
