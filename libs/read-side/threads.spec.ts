import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const DIST = resolve(__dirname, '../../dist');
const isBuilt = ['libs/read-side/worker-entry.js', 'libs/read-side/spec-kit.js', 'projections/spec-kit/index.js'].every(
  (file) => existsSync(join(DIST, file)),
);

describe('the read side in worker threads', () => {
  // Worker threads run compiled code, which `npm test` builds first.
  if (!isBuilt) {
    it('is proved once the code is built: run "npm run build" first', () => expect(isBuilt).toBe(false));
    return;
  }

  it('answers as it does in one thread, follows the record, and gets over a worker that ends', () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'read-side-threads-'));
    try {
      const output = execFileSync(process.execPath, [join(__dirname, 'threads.child.cjs'), DIST, dataDir], {
        encoding: 'utf8',
        timeout: 60_000,
      });
      const seen = JSON.parse(output.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
      expect(seen).toMatchObject({
        reached: true,
        same: true,
        made: true,
        refusal: { name: 'QueryRefusedError', code: 'range_invalid' },
        unknownView: expect.stringContaining('there is no view "nothing"'),
        answers: ['query_interrupted', seen.last],
        crashes: [100],
      });
      expect(seen.bytes).toBeGreaterThan(10_000);
    } finally {
      rmSync(dataDir, { recursive: true });
    }
  }, 60_000);
});
