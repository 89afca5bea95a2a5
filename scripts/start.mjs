// Builds what is missing or stale, then runs an app in this very process, so that signals reach it directly.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const [, , app] = process.argv;
const root = fileURLToPath(new URL('..', import.meta.url));
const build = spawnSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: 'inherit' });
if (build.status !== 0) process.exit(build.status ?? 1);
createRequire(import.meta.url)(`../dist/apps/${app}/main.js`);
