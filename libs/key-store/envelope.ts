import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import type { PersonalBlock } from '#kernel';
import { type DataKey, ErasedSubjectError, type KeyStore } from './port';

const ALGORITHM = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** The ciphertext was altered, or belongs to another place (its associated data differ). */
export class UndecipherableError extends Error {
  override readonly name = 'UndecipherableError';
}

/**
 * Encrypts for a subject with AES-256-GCM. `aad` is not stored: it ties the ciphertext to its place (for example an
 * event's id), and `decrypt` must be given the same.
 * @throws ErasedSubjectError after the subject's erasure.
 */
export async function encryptFor(
  keyStore: KeyStore,
  subject: string,
  plaintext: string | Uint8Array,
  aad: string,
): Promise<PersonalBlock> {
  const key = await keyStore.current(subject);
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(ALGORITHM, subkey(key, 'encryption'), nonce).setAAD(Buffer.from(aad));
  const sealed = Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  return { subject, keyVersion: key.version, ciphertext: sealed.toString('base64') };
}

/**
 * Decrypts what `encryptFor` made.
 * @throws ErasedSubjectError when the subject's keys were erased.
 * @throws UndecipherableError when block or `aad` are not those of the encryption.
 */
export async function decrypt(keyStore: KeyStore, block: PersonalBlock, aad: string): Promise<Uint8Array> {
  const key = await keyStore.find(block.subject, block.keyVersion);
  if (key === undefined)
    throw new ErasedSubjectError(
      `the data of ${block.subject} were erased: version ${block.keyVersion} of its key is gone`,
    );
  const sealed = Buffer.from(block.ciphertext, 'base64');
  if (sealed.length < NONCE_BYTES + TAG_BYTES) throw undecipherable(block);
  const decipher = createDecipheriv(ALGORITHM, subkey(key, 'encryption'), sealed.subarray(0, NONCE_BYTES))
    .setAAD(Buffer.from(aad))
    .setAuthTag(sealed.subarray(-TAG_BYTES));
  const plaintext = decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES));
  try {
    return Buffer.concat([plaintext, decipher.final()]);
  } catch (error) {
    throw undecipherable(block, error);
  }
}

/**
 * HMAC-SHA-256 under a subject's newest key: equal data can be recognized until the subject is erased, and nobody can
 * find the data by trying.
 * @throws ErasedSubjectError after the subject's erasure.
 */
export async function hmacFor(keyStore: KeyStore, subject: string, data: string | Uint8Array): Promise<Uint8Array> {
  const key = await keyStore.current(subject);
  return createHmac('sha256', subkey(key, 'authentication')).update(data).digest();
}

/** One data key serves two algorithms, so each gets a key of its own (one step of HKDF's expansion, RFC 5869 §2.3). */
function subkey(key: DataKey, purpose: 'encryption' | 'authentication'): Uint8Array {
  return createHmac('sha256', key.key).update(`aiaas ${purpose}\x01`).digest();
}

function undecipherable(block: PersonalBlock, cause?: unknown): UndecipherableError {
  return new UndecipherableError(
    `a ciphertext of ${block.subject} was altered or moved from the place that it was made for`,
    { cause },
  );
}
