import type { EventStore, EventStoreReader } from '#event-store';
import { EventStoreDbEventStore } from '#event-store/eventstoredb';
import { openLmdbEventStore, openLmdbEventStoreReader, StoreOpenError } from '#event-store/lmdb';
import type { StoreAddress } from './store-address';

/** Appends in flight to a directory: its one writer takes them in the order in which they were begun. */
const IN_FLIGHT_TO_LMDB = 256;
const IN_FLIGHT_TO_EVENTSTOREDB = 1;

function assertExists(address: StoreAddress): void {
  if (address.kind === 'lmdb' && !address.exists)
    throw new StoreOpenError(`there is no event store in ${address.directory}`);
}

/**
 * A source to copy from. A directory is claimed, so that no platform can append to it while it is copied, or, with
 * `live`, only read. EventStoreDB cannot be claimed; that it went on is found out at the end.
 * @throws StoreOpenError when a platform uses the directory.
 */
export function openSource(address: StoreAddress, live: boolean): EventStoreReader {
  assertExists(address);
  if (address.kind === 'eventstoredb') return new EventStoreDbEventStore(address.settings);
  return live ? openLmdbEventStoreReader(address.directory) : openLmdbEventStore({ directory: address.directory });
}

/** A directory that does not exist is made. @throws StoreOpenError */
export function openTarget(address: StoreAddress): EventStore {
  return address.kind === 'lmdb'
    ? openLmdbEventStore({ directory: address.directory })
    : new EventStoreDbEventStore(address.settings);
}

/** Only reads, and so may be used beside a running platform. @throws StoreOpenError */
export function openForReading(address: StoreAddress): EventStoreReader {
  return openSource(address, true);
}

export function appendsInFlightTo(address: StoreAddress): number {
  return address.kind === 'lmdb' ? IN_FLIGHT_TO_LMDB : IN_FLIGHT_TO_EVENTSTOREDB;
}
