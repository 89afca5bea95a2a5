import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { quantile } from '../load/latencies';

export interface DiskFigures {
  readonly syncP50Ms: number;
  readonly syncP99Ms: number;
}

const SYNCS = 200;
const PAGE_BYTES = 4_096;

/** How long the disk takes to make one page durable: what every acknowledged event waits for. */
export function probeDisk(directory: string): DiskFigures {
  const path = join(directory, 'sync-probe');
  const file = openSync(path, 'w');
  try {
    const page = Buffer.alloc(PAGE_BYTES, 1);
    const times = Float64Array.from({ length: SYNCS }, (_, index) => {
      writeSync(file, page, 0, PAGE_BYTES, index * PAGE_BYTES);
      const startedMs = performance.now();
      fdatasyncSync(file);
      return performance.now() - startedMs;
    }).sort();
    return { syncP50Ms: quantile(times, 0.5), syncP99Ms: quantile(times, 0.99) };
  } finally {
    closeSync(file);
    rmSync(path);
  }
}
