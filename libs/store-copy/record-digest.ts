import { createHash } from 'node:crypto';
import type { StoredEvent } from '#kernel';

/** Names the scheme, so that digests of a later one can never be taken for these. */
const SCHEME = 'aiaas-record-v1\n';
const BYTES_OF_LENGTH = 4;
const BYTES_OF_REVISION = 8;

/**
 * SHA-256 over all events of a record in the store's order. Each event adds its stream, revision (u64), id, type and
 * body; every text is preceded by its length in bytes (u32), numbers are big-endian, so that no two records give the
 * same input. Positions are left out, since each store counts its own.
 */
export class RecordDigest {
  readonly #hash = createHash('sha256').update(SCHEME);

  add(event: StoredEvent): void {
    const revision = Buffer.allocUnsafe(BYTES_OF_REVISION);
    revision.writeBigUInt64BE(event.revision);
    this.#addSized(Buffer.from(event.stream));
    this.#hash.update(revision);
    this.#addSized(Buffer.from(event.id));
    this.#addSized(Buffer.from(event.type));
    this.#addSized(event.body);
  }

  /** In hex; ends the digest. */
  finish(): string {
    return this.#hash.digest('hex');
  }

  #addSized(bytes: Uint8Array): void {
    const length = Buffer.allocUnsafe(BYTES_OF_LENGTH);
    length.writeUInt32BE(bytes.length);
    this.#hash.update(length).update(bytes);
  }
}
