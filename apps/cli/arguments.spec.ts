import { readCommand, UsageError } from './arguments';

const FROM_TO = ['--from', 'lmdb:/a', '--to', 'esdb://user:secret@db'];

function refusal(args: readonly string[], environment: NodeJS.ProcessEnv = {}): string {
  try {
    readCommand(args, environment);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  return 'accepted';
}

describe('arguments', () => {
  it('name an action, two stores and how to copy', () => {
    expect(
      readCommand(['store', 'copy', ...FROM_TO, '--live', '--in-flight', '8', '--patience', '5', '--json'], {}),
    ).toEqual({
      kind: 'store',
      arguments: {
        action: 'copy',
        from: 'lmdb:/a',
        to: 'esdb://user:secret@db',
        live: true,
        appendsInFlightMax: 8,
        patienceMs: 5_000,
        json: true,
      },
    });
  });

  it('take stores from the environment, where no list of processes shows a password', () => {
    const environment = { SOURCE: 'lmdb:/a', TARGET: 'esdb://user:secret@db' };
    expect(readCommand(['store', 'verify', '--from-env', 'SOURCE', '--to-env', 'TARGET'], environment)).toMatchObject({
      arguments: { action: 'verify', from: 'lmdb:/a', to: 'esdb://user:secret@db' },
    });
  });

  it('may ask for help or the version', () => {
    expect(readCommand(['--help'], {})).toEqual({ kind: 'help' });
    expect(readCommand(['-h'], {})).toEqual({ kind: 'help' });
    expect(readCommand(['store', '--help'], {})).toEqual({ kind: 'store-help' });
    expect(readCommand(['store', 'copy', '--help'], {})).toEqual({ kind: 'store-help' });
    expect(readCommand(['--version'], {})).toEqual({ kind: 'version' });
  });

  it.each([
    [[], 'there is no command'],
    [['move'], 'there is no command "move"'],
    [['store'], 'aiaas store needs copy or verify'],
    [['store', 'move', ...FROM_TO], 'there is no command "store move"'],
    [['store', 'copy', 'now', ...FROM_TO], '"now" is one argument too many'],
    [['store', 'copy', '--to', 'lmdb:/b'], '--from is missing'],
    [['store', 'copy', '--from', 'lmdb:/a'], '--to is missing'],
    [['store', 'copy', ...FROM_TO, '--from-env', 'SOURCE'], 'name the same store twice'],
    [['store', 'copy', '--from-env', 'NOWHERE', '--to', 'lmdb:/b'], 'variable NOWHERE of --from-env is not set'],
    [['store', 'copy', ...FROM_TO, '--in-flight', '0'], '--in-flight must be a whole number from 1 to 1024'],
    [['store', 'copy', ...FROM_TO, '--patience', 'long'], '--patience must be a whole number'],
    [['store', 'verify', ...FROM_TO, '--live'], 'are for copy'],
    [['store', 'copy', ...FROM_TO, '--force'], "Unknown option '--force'"],
  ])('%j are refused: %s', (args, sentence) => {
    expect(refusal(args)).toContain(sentence);
    expect(refusal(args)).not.toContain('secret');
  });
});
