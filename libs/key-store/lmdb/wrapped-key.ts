import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const ALGORITHM = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
export const KEY_BYTES = 32;
export const WRAPPED_KEY_BYTES = NONCE_BYTES + KEY_BYTES + TAG_BYTES;

/** A key that was altered on disk, or wrapped under another master key. */
export class DamagedKeyError extends Error {
  override readonly name = 'DamagedKeyError';
}

/** AES-256-GCM under the master key; `purpose` says what the key is for, so that two cannot be exchanged on disk. */
export function wrapKey(masterKey: Uint8Array, key: Uint8Array, purpose: string): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(ALGORITHM, masterKey, nonce).setAAD(Buffer.from(purpose));
  return Buffer.concat([nonce, cipher.update(key), cipher.final(), cipher.getAuthTag()]);
}

/** @throws DamagedKeyError */
export function unwrapKey(masterKey: Uint8Array, wrapped: Uint8Array, purpose: string): Uint8Array {
  const decipher = createDecipheriv(ALGORITHM, masterKey, wrapped.subarray(0, NONCE_BYTES))
    .setAAD(Buffer.from(purpose))
    .setAuthTag(wrapped.subarray(WRAPPED_KEY_BYTES - TAG_BYTES, WRAPPED_KEY_BYTES));
  const key = decipher.update(wrapped.subarray(NONCE_BYTES, NONCE_BYTES + KEY_BYTES));
  try {
    return Buffer.concat([key, decipher.final()]);
  } catch (error) {
    throw new DamagedKeyError(`${purpose} was altered on disk; restore the key store from a backup`, { cause: error });
  }
}
