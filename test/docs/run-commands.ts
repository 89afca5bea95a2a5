import { execFile } from 'node:child_process';
import { dirname } from 'node:path';
import type { PlatformProcess } from '#testing/platform-process';
import type { Document, Fence } from './documents';

/** Where documents say that the platform is; the one that is tested listens elsewhere. */
const DOCUMENTED_URL = 'http://127.0.0.1:8080';
const SESSION_MS_MAX = 120_000;
const OUTPUT_BYTES_MAX = 4 * 1024 * 1024;

export function testedFences({ fences }: Document): readonly Fence[] {
  return fences.filter(({ isTested }) => isTested);
}

/** What the block is said to print: the block of text that follows it, if one does. */
export function expectedOutput({ fences }: Document, fence: Fence): readonly string[] {
  const next = fences[fences.indexOf(fence) + 1];
  if (next?.language !== 'text' || next.isTested) return [];
  return next.text.split('\n').filter((line) => line.trim() !== '');
}

/** A printed line as a document shows it, where `…` stands for anything. */
export function matches(shown: string, printed: string): boolean {
  const parts = shown.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`).test(printed.trimEnd());
}

function marker({ line }: Fence): string {
  return `@@ block in line ${line}`;
}

/** All blocks of a document are one session, as for a reader who pastes one after the other. */
function scriptOf(document: Document, url: string): string {
  const blocks = testedFences(document).map((fence) => `echo; echo '${marker(fence)}'\n${fence.text}\n`);
  const script = ['set -euo pipefail', 'exec 2>&1', ...blocks].join('\n');
  return script.replaceAll(DOCUMENTED_URL, url);
}

function run(script: string, directory: string): Promise<string> {
  return new Promise((resolve) => {
    const options = { cwd: directory, timeout: SESSION_MS_MAX, maxBuffer: OUTPUT_BYTES_MAX };
    execFile('bash', ['-c', script], options, (error, stdout) =>
      resolve(error === null ? stdout : `${stdout}\nthe session ended with: ${error.message.split('\n')[0]}`),
    );
  });
}

/**
 * Runs the tested blocks of a document beside a platform whose data directory is `data`.
 * @returns what each printed, by its line; nothing for those after one that failed.
 */
export async function runCommands(
  document: Document,
  platform: PlatformProcess,
): Promise<ReadonlyMap<number, readonly string[]>> {
  const output = await run(scriptOf(document, platform.url), dirname(platform.dataDir));
  const lines = output.split('\n');
  const outputs = new Map<number, readonly string[]>();
  const fences = testedFences(document);
  for (const [index, fence] of fences.entries()) {
    const start = lines.indexOf(marker(fence));
    if (start === -1) continue;
    const after = fences[index + 1];
    const end = after === undefined ? -1 : lines.indexOf(marker(after));
    outputs.set(fence.line, lines.slice(start + 1, end === -1 ? undefined : end));
  }
  return outputs;
}
