import {
  AppendOutcomeUnknownError,
  InvalidAppendError,
  StoreHistoryChangedError,
  StoreUnavailableError,
} from '#event-store';
import { InvalidConnectionStringError } from '#event-store/eventstoredb';
import { StoreOpenError } from '#event-store/lmdb';
import { RecordNotWholeError, TargetInUseError } from '#store-copy';
import { readCommand, UsageError } from './arguments';
import { EXIT, type ExitCode } from './exit-codes';
import { HELP, STORE_HELP } from './help';
import type { Streams } from './output';
import { runStoreCommand } from './store-command';

/** Trouble that a person can mend: told in one sentence, without a stack. */
const EXPECTED: readonly {
  readonly kinds: readonly (abstract new (...args: never) => Error)[];
  readonly code: ExitCode;
}[] = [
  { kinds: [UsageError, InvalidConnectionStringError], code: EXIT.usage },
  { kinds: [RecordNotWholeError, StoreHistoryChangedError, InvalidAppendError], code: EXIT.unusableRecord },
  { kinds: [TargetInUseError], code: EXIT.different },
  { kinds: [StoreOpenError, StoreUnavailableError, AppendOutcomeUnknownError], code: EXIT.unavailable },
];

/**
 * Runs one command and says how the process should end.
 * @throws what nobody expected: a bug.
 */
export async function run(
  args: readonly string[],
  context: {
    readonly environment: NodeJS.ProcessEnv;
    readonly streams: Streams;
    readonly signal: AbortSignal;
    readonly version: string;
  },
): Promise<ExitCode> {
  const { streams, signal } = context;
  try {
    const command = readCommand(args, context.environment);
    switch (command.kind) {
      case 'help':
        streams.out(HELP);
        return EXIT.equal;
      case 'store-help':
        streams.out(STORE_HELP);
        return EXIT.equal;
      case 'version':
        streams.out(`${context.version}\n`);
        return EXIT.equal;
      case 'store':
        return await runStoreCommand(command.arguments, streams, signal);
    }
  } catch (error) {
    if (signal.aborted) {
      streams.err('Interrupted; run the same command again to go on.\n');
      return EXIT.interrupted;
    }
    const expected = EXPECTED.find(({ kinds }) => kinds.some((kind) => error instanceof kind));
    if (expected === undefined || !(error instanceof Error)) throw error;
    streams.err(`${error.message}\n`);
    return expected.code;
  }
}
