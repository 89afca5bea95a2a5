import { z } from 'zod';
import { type Branded, brandedField, type EventSchema, type EventsOf, eventCodec, type StreamName } from '#kernel';

/** Of the whole record: which one it is, and whose keys it is written with. */
export const INSTALLATION_STREAM = 'installation' as StreamName;

/** A random UUID; no secret. */
export type RecordId = Branded<string, 'RecordId'>;
/** Tells two keys apart and nothing about either: an HMAC under the key, made for one record. */
export type KeyFingerprint = Branded<string, 'KeyFingerprint'>;

const keys = {
  /** Of a key that the key store itself has made: another store has another. */
  keyStore: brandedField<KeyFingerprint>(),
  masterKey: brandedField<KeyFingerprint>(),
};

const schemas = {
  /** By the first process that starts on the record; on an older record, by the first that knows of it. */
  InstallationFounded: { version: 1, data: z.object({ recordId: brandedField<RecordId>(), ...keys }) },
  KeysReplaced: { version: 1, data: z.object({ ...keys, because: z.enum(['rotated', 'accepted']) }) },
} satisfies Record<string, EventSchema<object>>;

export type InstallationEvent = EventsOf<typeof schemas>;
export type Keys = Pick<Extract<InstallationEvent, { type: 'KeysReplaced' }>['data'], 'keyStore' | 'masterKey'>;
export const installationCodec = eventCodec<InstallationEvent>(schemas);
