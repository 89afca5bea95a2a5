import { createCipheriv, createDecipheriv } from 'node:crypto';
import type { Identifiers } from '#environment';
import type { EncryptedSecret } from '#inference/catalogue';
import type { KeyStore } from '#key-store';

const ALGORITHM = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** What was sealed cannot be opened: its key was erased, or the key store is another one. */
export class UnopenableError extends Error {
  override readonly name = 'UnopenableError';
}

/** Bound to what it was sealed for, so that one sealed text cannot be passed off as another. */
function boundTo(subject: string, keyVersion: number): Buffer {
  return Buffer.from(`${subject}:${keyVersion}`);
}

/** Encrypts and decrypts under data keys that can be erased. */
export class Sealing {
  constructor(
    private readonly keyStore: KeyStore,
    private readonly identifiers: Pick<Identifiers, 'random'>,
  ) {}

  async seal(subject: string, plain: string): Promise<EncryptedSecret> {
    const { key, version } = await this.keyStore.current(subject);
    const nonce = this.identifiers.random(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, key, nonce).setAAD(boundTo(subject, version));
    const sealed = Buffer.concat([nonce, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return { subject, keyVersion: version, ciphertext: sealed.toString('base64') };
  }

  /** @throws UnopenableError */
  async open({ subject, keyVersion, ciphertext }: EncryptedSecret): Promise<string> {
    const found = await this.keyStore.find(subject, keyVersion);
    if (found === undefined) throw new UnopenableError(`the key of ${subject} (version ${keyVersion}) is gone`);
    const sealed = Buffer.from(ciphertext, 'base64');
    try {
      const decipher = createDecipheriv(ALGORITHM, found.key, sealed.subarray(0, NONCE_BYTES))
        .setAAD(boundTo(subject, keyVersion))
        .setAuthTag(sealed.subarray(-TAG_BYTES));
      const plain = decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES));
      return Buffer.concat([plain, decipher.final()]).toString('utf8');
    } catch (error) {
      throw new UnopenableError(`what is sealed for ${subject} cannot be opened with the key of this platform`, {
        cause: error,
      });
    }
  }
}
