import { closeSync, fsyncSync, openSync } from 'node:fs';

/** Puts the names of a directory on disk: a file whose name is lost with the power is lost with its content. */
export function syncDirectory(path: string): void {
  // Windows has no handles of directories and needs none for this.
  if (process.platform === 'win32') return;
  const handle = openSync(path, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
