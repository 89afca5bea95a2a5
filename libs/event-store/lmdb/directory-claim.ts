import { join } from 'node:path';
import { open } from 'lmdb';
import { StoreOpenError } from './store-open-error';

/**
 * Claims a directory for this process, until `release` or the end of the process, however it ends.
 *
 * LMDB keeps a table of readers in its lock file, and for each reading process a kernel lock (fcntl) on that file. The
 * kernel drops the lock when the process dies, kill -9 included, and LMDB then clears the dead rows. So a read
 * transaction that is held for ever in a table of its own is a claim that cannot be left behind, needs no addon, and
 * holds between containers that share a volume, where process ids mean nothing.
 *
 * Whoever sees another's row gives way, before taking a row of its own: two processes with the same id, as in two
 * containers, would clear each other's. Two that start at the same moment see each other afterwards and both give way.
 */
export class DirectoryClaim {
  private constructor(readonly release: () => Promise<void>) {}

  /**
   * @param what is in the directory, for the sentence.
   * @throws StoreOpenError when another process, or another store in this one, holds the directory.
   */
  static take(directory: string, what = 'the event store'): DirectoryClaim {
    const table = open({ path: join(directory, 'owner.mdb'), encoding: 'binary', overlappingSync: false });
    const holders = () => table.readerList().match(/^\s*\d+ /gm)?.length ?? 0;
    table.readerCheck();
    if (holders() === 0) {
      const held = table.useReadTransaction();
      const release = async (): Promise<void> => {
        held.done();
        await table.close();
      };
      if (holders() === 1) return new DirectoryClaim(release);
      void release();
    } else void table.close();
    throw new StoreOpenError(
      `${what} in ${directory} is in use by another process; stop that one first, or give this one a directory of its own`,
    );
  }
}
