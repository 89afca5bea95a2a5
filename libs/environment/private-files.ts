import { chmodSync, lstatSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;
const MODE_BITS = 0o7777;

/** Whatever this process makes from now on is its user's alone, also what libraries and threads make without asking. */
export function makeFilesPrivately(): void {
  process.umask(0o077);
}

function setMode(path: string, present: number, wanted: number, unmended: string[]): void {
  if ((present & MODE_BITS) === wanted) return;
  try {
    chmodSync(path, wanted);
  } catch {
    // Somebody else's, or on a file system that has no modes: to be told, not to be died of.
    unmended.push(path);
  }
}

function mendInside(directory: string, unmended: string[]): void {
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    const entry = lstatSync(path, { throwIfNoEntry: false });
    // What a link points to lies elsewhere, and is another's to look after.
    if (entry?.isDirectory() === true) {
      setMode(path, entry.mode, DIRECTORY_MODE, unmended);
      mendInside(path, unmended);
    } else if (entry?.isFile() === true) setMode(path, entry.mode, FILE_MODE, unmended);
  }
}

/**
 * Takes a directory and all that is in it from everybody but its owner, however it was made. One that is not there is
 * left to be made.
 *
 * @returns the paths whose modes could not be set.
 */
export function makePrivate(directory: string): readonly string[] {
  const unmended: string[] = [];
  try {
    const root = statSync(directory, { throwIfNoEntry: false });
    if (root === undefined) return [];
    setMode(directory, root.mode, DIRECTORY_MODE, unmended);
    mendInside(directory, unmended);
  } catch {
    // It cannot be read, or is no directory: whoever opens it says so better.
    return unmended;
  }
  return unmended;
}
