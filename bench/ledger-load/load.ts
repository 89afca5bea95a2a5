import { openLmdbEventStore } from '#event-store/lmdb';
import { parseId } from '#kernel';
import { loadLedger } from '#ledger';

/** Loads one ledger as a starting process does: with cold code. Takes the directory and the organization. */
async function load(directory: string, organization: string): Promise<void> {
  const orgId = parseId('org', organization);
  if (orgId === undefined) throw new Error('give a directory and an organization');
  const store = openLmdbEventStore({ directory });
  const startedMs = performance.now();
  const { state, revision, uncarriedEvents, carryBytes } = await loadLedger(store, orgId);
  const ms = performance.now() - startedMs;
  await store.close();
  const open = state.holds.size;
  process.send?.({ ms, revision: String(revision), uncarriedEvents, carryBytes, open });
  process.disconnect?.();
}

load(process.argv[2] ?? '', process.argv[3] ?? '').catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exit(1);
});
