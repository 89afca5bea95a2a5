import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';

/** Raised by hand, together with the shapes in `libs/testing/agent-requests` if a new version sends new ones. */
export const PINNED = {
  '@anthropic-ai/claude-code': '2.1.332',
  '@openai/codex': '0.171.0',
  '@openai/agents': '0.20.0',
  zod: '4.6.7',
} as const;

const INSTALL_MS_MAX = 600_000;

/** Installs the programs into a folder of their own, from the registry that npm knows; no script of theirs is run. */
export async function installAgents(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}/package.json`, JSON.stringify({ private: true, type: 'module' }));
  const packages = Object.entries(PINNED).map(([name, version]) => `${name}@${version}`);
  const options = ['--ignore-scripts', '--save-exact', '--no-audit', '--no-fund', '--loglevel=error'];
  await promisify(execFile)('npm', ['install', ...options, ...packages], { cwd: folder, timeout: INSTALL_MS_MAX });
}
