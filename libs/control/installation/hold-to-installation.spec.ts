import { join } from 'node:path';
import { systemIdentifiers } from '#environment';
import { MemoryEventStore } from '#event-store/memory';
import { MemoryKeyStore } from '#key-store/memory';
import { type EventSamples, goldenChecks } from '#testing/golden';
import { HandClock } from '../testing';
import { type InstallationEvent, installationCodec, type KeyFingerprint, type RecordId } from './events';
import {
  type HoldingOptions,
  holdToInstallation,
  type LocalKeys,
  OtherInstallationError,
} from './hold-to-installation';

const bytes = (fill: number) => new Uint8Array(32).fill(fill);

/** A directory with a key store, which remembers the record that it was used with. */
class Directory {
  readonly keyStore = new MemoryKeyStore();
  record: string | undefined;

  keys(masterKey: Uint8Array, previousMasterKey?: Uint8Array): LocalKeys {
    return {
      keyStore: this.keyStore,
      masterKey,
      ...(previousMasterKey === undefined ? {} : { previousMasterKey }),
      directory: '/srv/keys',
      belongsTo: () => this.record,
      claimFor: (recordId) => {
        this.record = recordId;
      },
    };
  }
}

function record() {
  const store = new MemoryEventStore();
  const clock = new HandClock();
  const start = (keys: LocalKeys, rest: Partial<HoldingOptions> = {}) =>
    holdToInstallation({
      store,
      recordName: 'the record',
      clock,
      identifiers: systemIdentifiers(clock),
      keys,
      ...rest,
    });
  const types = async () => {
    const found: string[] = [];
    for await (const { type } of store.readAll()) found.push(type);
    return found;
  };
  return { start, types, store };
}

const ONE = bytes(1);
const TWO = bytes(2);

describe('a process that starts on a record', () => {
  it('founds it, once, with whatever keys it has; and starts again and again', async () => {
    const { start, types } = record();
    const directory = new Directory();
    const id = await start(directory.keys(ONE));
    expect(directory.record).toBe(id);
    expect(await start(directory.keys(ONE))).toBe(id);
    expect(await types()).toEqual(['InstallationFounded']);
  });

  it('founds one that several start on at once, and all of them with the same keys agree', async () => {
    const { start, types } = record();
    const directory = new Directory();
    const ids = await Promise.all([1, 2, 3].map(() => start(directory.keys(ONE))));
    expect(new Set(ids).size).toBe(1);
    expect(await types()).toEqual(['InstallationFounded']);
  });

  it.each([
    ['another key store', () => new Directory().keys(ONE), 'The key store in /srv/keys'],
    ['other keys altogether', () => new Directory().keys(TWO), 'The master key and the key store in /srv/keys'],
  ])('is turned away with %s, and told what to do', async (_, keysOf, message) => {
    const { start, types } = record();
    await start(new Directory().keys(ONE));
    const failure = start(keysOf());
    await expect(failure).rejects.toThrow(OtherInstallationError);
    await expect(failure).rejects.toThrow(message);
    await expect(failure).rejects.toThrow('AIAAS_SHARED_DATA');
    expect(await types()).toEqual(['InstallationFounded']);
  });

  it('of two that start at once with different key stores, turns one away', async () => {
    const { start } = record();
    const ends = await Promise.allSettled([1, 2].map(() => start(new Directory().keys(ONE))));
    expect(ends.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  it('takes a master key that was changed only with the one before, and on other gateways without', async () => {
    const { start, types } = record();
    const directory = new Directory();
    await start(directory.keys(ONE));
    await expect(start(directory.keys(TWO))).rejects.toThrow('AIAAS_MASTER_KEY_PREVIOUS');
    await expect(start(directory.keys(TWO, bytes(3)))).rejects.toThrow('AIAAS_MASTER_KEY_PREVIOUS');
    await start(directory.keys(TWO, ONE));
    await start(directory.keys(TWO, ONE));
    await start(directory.keys(TWO));
    expect(await types()).toEqual(['InstallationFounded', 'KeysReplaced']);
    await expect(start(directory.keys(ONE))).rejects.toThrow(OtherInstallationError);
  });

  it('goes on with other keys when an operator says by its id that the record’s own are lost', async () => {
    const { start, types } = record();
    const id = await start(new Directory().keys(ONE));
    const other = new Directory();
    await expect(start(other.keys(TWO))).rejects.toThrow(`AIAAS_ACCEPT_KEY_STORE=${id}`);
    await expect(start(other.keys(TWO), { accepted: 'another' })).rejects.toThrow(OtherInstallationError);
    await start(other.keys(TWO), { accepted: id });
    await start(other.keys(TWO));
    expect(other.record).toBe(id);
    expect(await types()).toEqual(['InstallationFounded', 'KeysReplaced']);
  });

  it('does not take keys that belong to another record into a new one, unless that is gone', async () => {
    const directory = new Directory();
    const id = await record().start(directory.keys(ONE));
    const fresh = record();
    const failure = fresh.start(directory.keys(ONE));
    await expect(failure).rejects.toThrow(`belong to the record ${id}`);
    expect(await fresh.types()).toEqual([]);
    expect(await fresh.start(directory.keys(ONE), { accepted: id })).not.toBe(id);
  });

  it('leaves neither a key nor anything that tells one in the record', async () => {
    const { start, store } = record();
    await start(new Directory().keys(ONE));
    for await (const { body } of store.readAll()) {
      const text = Buffer.from(body).toString();
      for (const encoding of ['hex', 'base64'] as const)
        expect(text).not.toContain(Buffer.from(ONE).toString(encoding));
    }
  });
});

describe('events of the installation', () => {
  const keys = { keyStore: '0'.repeat(32) as KeyFingerprint, masterKey: 'f'.repeat(32) as KeyFingerprint };
  const recordId = '01980000-0000-7000-8000-000000000000' as RecordId;
  const samples: EventSamples<InstallationEvent> = {
    InstallationFounded: [{ type: 'InstallationFounded', data: { recordId, ...keys } }],
    KeysReplaced: [
      { type: 'KeysReplaced', data: { ...keys, because: 'rotated' } },
      { type: 'KeysReplaced', data: { ...keys, because: 'accepted' } },
    ],
  };
  it.each(goldenChecks({ codec: installationCodec, samples, folder: join(__dirname, 'golden') }))('$name', ({ run }) =>
    run(),
  );
});
