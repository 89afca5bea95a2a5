import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Compiled code lies in dist/libs/hosting, its package.json three levels up; under ts it is two. */
function packageVersion(): string {
  for (const up of ['../../..', '../..']) {
    try {
      const text = readFileSync(join(__dirname, up, 'package.json'), 'utf8');
      return (JSON.parse(text) as { version: string }).version;
    } catch {
      // Not there: one level less.
    }
  }
  return 'unknown';
}

export const version = packageVersion();
