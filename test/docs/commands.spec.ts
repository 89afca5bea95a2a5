import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PlatformProcess } from '#testing/platform-process';
import { allDocuments } from './documents';
import { expectedOutput, matches, runCommands, testedFences } from './run-commands';

/** Documents show commands as people type them, with curl; where there is none they cannot be run. */
const hasCurl = spawnSync('curl', ['--version']).status === 0;
if (!hasCurl) process.stderr.write('There is no curl here: the commands of the documents are not run.\n');

const documents = allDocuments().filter((document) => testedFences(document).length > 0);

it('documents mark commands to be run', () => {
  expect(documents.map(({ path }) => path)).toEqual(
    expect.arrayContaining(['README.md', 'docs/developers.md', 'docs/operations.md', 'docs/finance-and-limits.md']),
  );
});

/** Each document is read by somebody who has just started the platform for the first time. */
describe.each((hasCurl ? documents : []).map((document) => [document.path, document] as const))(
  'the commands of %s',
  (_path, document) => {
    const directory = mkdtempSync(join(tmpdir(), 'aiaas-docs-'));
    let platform: PlatformProcess;
    let outputs: ReadonlyMap<number, readonly string[]>;

    beforeAll(async () => {
      platform = await PlatformProcess.start({ dataDir: join(directory, 'data') });
      outputs = await runCommands(document, platform);
    }, 180_000);

    afterAll(async () => {
      await platform?.remove();
      rmSync(directory, { recursive: true, force: true });
    });

    it.each(testedFences(document).map((fence) => [fence.line, fence] as const))(
      'in line %i run and print what is shown',
      (line, fence) => {
        const printed = outputs.get(line);
        expect(printed).toBeDefined();
        expect(printed).not.toContainEqual(expect.stringMatching(/^the session ended with/));
        const missing = expectedOutput(document, fence).filter(
          (shown) => printed?.some((text) => matches(shown, text)) !== true,
        );
        expect({ missing, printed: missing.length === 0 ? [] : printed }).toEqual({ missing: [], printed: [] });
      },
    );
  },
);
