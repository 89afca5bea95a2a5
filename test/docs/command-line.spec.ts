import { EXIT } from '../../apps/cli/exit-codes';
import { STORE_HELP } from '../../apps/cli/help';
import { readDocument } from './documents';

const [, section = ''] = readDocument('docs/operations.md').text.split('\n## Moving a record to EventStoreDB\n');
const [moving = ''] = section.split('\n## ');
/** The disk's own: the store ends the process with it. */
const EXIT_IO_ERROR = 74;
const CODES = [...Object.values(EXIT), EXIT_IO_ERROR].sort((one, other) => one - other);

describe('the command line is described as it is', () => {
  it('exit codes in the operations page', () => {
    const [, table = ''] = moving.split('| exit code |');
    expect([...table.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code))).toEqual(CODES);
  });

  it('exit codes in its own help', () => {
    const [, table = ''] = STORE_HELP.split('Exit codes:');
    expect([...table.matchAll(/^ {2}(\d+) /gm)].map(([, code]) => Number(code))).toEqual(CODES);
  });

  it('options in the operations page', () => {
    const named = [...moving.matchAll(/(?<= |`)--[a-z-]+/g)].map(([option]) => option);
    const ofOthers = new Set(['--pid', '--help']);
    for (const option of named.filter((one) => !ofOthers.has(one))) expect(STORE_HELP).toContain(option);
  });
});
