import { statfs, statfsSync } from 'node:fs';
import { StoreUnavailableError } from '../port';

/** Room for what is under way: the queue, and the pages that LMDB writes anew with it. */
export const DISK_FREE_BYTES_MIN = 256_000_000;
const CHECK_INTERVAL_MS = 1_000;

/**
 * Refuses appends before the disk is full. A write that fails for want of space ends the process like any other failed
 * write; a store that stops a little earlier can still be read, and goes on by itself once there is room.
 */
export class DiskSpace {
  #free: number;
  #checkedAtMs = performance.now();

  constructor(
    private readonly directory: string,
    private readonly freeBytesMin = DISK_FREE_BYTES_MIN,
  ) {
    const { bavail, bsize } = statfsSync(directory);
    this.#free = bavail * bsize;
  }

  /** Answers from the last check, and begins another when that was a while ago. @throws StoreUnavailableError */
  assertEnough(): void {
    const now = performance.now();
    if (now - this.#checkedAtMs > CHECK_INTERVAL_MS) {
      this.#checkedAtMs = now;
      this.#check();
    }
    if (this.#free < this.freeBytesMin)
      throw new StoreUnavailableError(
        `the disk of ${this.directory} has less than ${this.freeBytesMin} bytes free; nothing was written, make room and try again`,
      );
  }

  #check(): void {
    statfs(this.directory, (error, stats) => {
      // A disk that cannot be asked is left to the write itself, which fails with the reason.
      if (error === null) this.#free = stats.bavail * stats.bsize;
    });
  }
}
