import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const SOURCES = ['apps', 'libs', 'projections'];

/** The project's root, from a source file as well as from a compiled one. */
export function projectRoot(from: string = __dirname): string {
  let directory = from;
  while (!existsSync(join(directory, 'tsconfig.build.json'))) {
    const parent = join(directory, '..');
    if (parent === directory) throw new Error('tsconfig.build.json is in no directory above this file');
    directory = parent;
  }
  return directory;
}

function isCompiled(name: string): boolean {
  return name.endsWith('.ts') && !name.endsWith('.spec.ts') && !/(?:^|[./])contract\.ts$/.test(name);
}

/** The newest change of a compiled source, and where it was. */
function newestSource(root: string): { path: string; atMs: number } {
  let newest = { path: '', atMs: 0 };
  for (const folder of SOURCES) {
    for (const name of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })) {
      if (!isCompiled(name)) continue;
      const path = join(root, folder, name);
      const atMs = statSync(path).mtimeMs;
      if (atMs > newest.atMs) newest = { path, atMs };
    }
  }
  return newest;
}

/**
 * Where the compiled platform starts.
 * @throws Error when there is none, or when a source has changed since: tests of an older program prove nothing.
 */
export function builtMain(root: string = projectRoot()): string {
  const main = join(root, 'dist/apps/platform/main.js');
  const stamp = join(root, 'dist/.tsbuildinfo');
  if (!existsSync(main) || !existsSync(stamp))
    throw new Error('The platform is not compiled: run "npm run build" first ("npm test" does).');
  const { path, atMs } = newestSource(root);
  if (atMs > statSync(stamp).mtimeMs && process.env.AIAAS_TEST_STALE_BUILD !== 'allow')
    throw new Error(`${path} is newer than the compiled platform: run "npm run build" first ("npm test" does).`);
  return main;
}
