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

/** Sources that were written to since the compiler last wrote down what it had compiled. */
function* sourcesSince(root: string, stampMs: number): Iterable<string> {
  for (const folder of SOURCES)
    for (const name of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })) {
      const path = join(root, folder, name);
      if (isCompiled(name) && statSync(path).mtimeMs > stampMs) yield path;
    }
}

/**
 * Where a compiled app starts.
 * @throws Error when there is none, or when a source has changed since: tests of an older program prove nothing.
 */
export function builtMain(app: 'platform' | 'gateway' = 'platform', root: string = projectRoot()): string {
  return builtProgram(`apps/${app}/main.js`, root);
}

/** Any compiled program. @throws Error as `builtMain` does. */
export function builtProgram(file: string, root: string = projectRoot()): string {
  const main = join(root, 'dist', file);
  const stamp = join(root, 'dist/.tsbuildinfo');
  if (!existsSync(main) || !existsSync(stamp))
    throw new Error('The platform is not compiled: run "npm run build" first ("npm test" does).');
  const [changed] = sourcesSince(root, statSync(stamp).mtimeMs);
  // Files that are only touched count as changed: the compiler's own hashes cannot be made here.
  if (changed !== undefined && process.env.AIAAS_TEST_STALE_BUILD !== 'allow')
    throw new Error(
      `${changed} was written to after the platform was compiled: run "npm run build" ("npm test" does), and if nothing was to compile, delete dist/.tsbuildinfo before.`,
    );
  return main;
}
