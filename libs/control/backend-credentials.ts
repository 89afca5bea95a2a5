import type { Backend, EncryptedSecret } from '#inference/catalogue';
import type { BackendId } from '#kernel';
import { decrypt, encryptFor, type KeyStore } from '#key-store';

/** Credentials kept in the clear in memory; beyond this the oldest is forgotten and decrypted again. */
const OPEN_CREDENTIALS_MAX = 1_000;

const CREDENTIAL = /^[!-~](?:[ -~]{0,9998}[!-~])?$/;
export const BACKEND_CREDENTIAL_RULE =
  'a credential has 1 to 10000 visible ASCII characters, and no space or line break at its ends';

/** Whether it can be sent in a header: a line break that was copied along would make every call of the backend fail. */
export function isBackendCredential(text: string): boolean {
  return CREDENTIAL.test(text);
}

/** Each backend has a key of its own, so that its credential can be erased for itself. */
function subjectOf(backendId: BackendId): string {
  return `backend-${backendId}`;
}

/** The credentials of backends: sealed in the record, open only in memory. */
export class BackendCredentials {
  /** By ciphertext: a changed credential is another one. */
  private readonly opened = new Map<string, Promise<string>>();

  constructor(private readonly keyStore: KeyStore) {}

  /** Rejects with ErasedSubjectError when its key is gone, with UndecipherableError when it belongs to another backend. */
  async credentialOf({ credential }: Pick<Backend, 'credential'>): Promise<string | undefined> {
    if (credential === undefined) return undefined;
    const known = this.opened.get(credential.ciphertext);
    if (known !== undefined) return known;
    const opening = this.open(credential);
    this.opened.set(credential.ciphertext, opening);
    opening.catch(() => this.opened.delete(credential.ciphertext));
    const [oldest] = this.opened.keys();
    if (this.opened.size > OPEN_CREDENTIALS_MAX && oldest !== undefined) this.opened.delete(oldest);
    return opening;
  }

  /** Seals a credential; one that the backend has already keeps its sealed form, so that nothing seems changed. */
  async seal(backendId: BackendId, credential: string, before: Backend | undefined): Promise<EncryptedSecret> {
    if (before?.credential !== undefined && (await this.isOpenedAs(before, credential))) return before.credential;
    const subject = subjectOf(backendId);
    return encryptFor(this.keyStore, subject, credential, subject);
  }

  private async open(credential: EncryptedSecret): Promise<string> {
    return Buffer.from(await decrypt(this.keyStore, credential, credential.subject)).toString('utf8');
  }

  /** A credential whose key is gone equals nothing: it can be replaced. */
  private async isOpenedAs(backend: Backend, credential: string): Promise<boolean> {
    return (await this.credentialOf(backend).catch(() => undefined)) === credential;
  }
}
