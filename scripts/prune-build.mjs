// The compiler leaves behind what it once made of a file that has since moved, and Node prefers `json.js` to
// `json/index.js`: what has no source any more goes before a build.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';

const BUILT = 'dist';
const MADE = /\.js(\.map)?$/;

if (existsSync(BUILT))
  for (const entry of readdirSync(BUILT, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath ?? entry.path, entry.name);
    if (entry.isFile() && MADE.test(path) && !existsSync(relative(BUILT, path).replace(MADE, '.ts'))) rmSync(path);
  }
