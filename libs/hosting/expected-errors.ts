import { types } from 'node:util';
import { ConfigurationError } from '#configuration';
import { ConfigurationFileError, OtherInstallationError } from '#control';
import { StoreOpenError } from '#event-store/lmdb';
import { MasterKeyError } from '#key-store';
import { KeyStoreOpenError } from '#key-store/lmdb';
import { RecordInFutureError } from '#ledger';
import { RecordAwayError } from './wait-for-record';

/** Trouble that a person can mend: told in one sentence, without a stack. */
const EXPECTED = [
  RecordInFutureError,
  ConfigurationError,
  ConfigurationFileError,
  StoreOpenError,
  MasterKeyError,
  KeyStoreOpenError,
  OtherInstallationError,
];

const TO_MEND = 78;
/** Of sysexits.h: whoever started it should do so again. */
const TRY_AGAIN = 75;

/** Finding an address and listening on it; a directory may be refused with the same codes. */
const OF_ADDRESSES = new Set<unknown>(['listen', 'bind', 'getaddrinfo']);

/** Whether this machine does not let a process listen where it should: taken, not its own, unknown, or not allowed. */
export function isAddressError(error: unknown): error is NodeJS.ErrnoException {
  return types.isNativeError(error) && 'syscall' in error && OF_ADDRESSES.has(error.syscall);
}

/** What to write to standard error, and the exit code. */
export function failureOf(error: unknown): { readonly text: string; readonly code: number } {
  if (error instanceof RecordAwayError) return { text: error.message, code: TRY_AGAIN };
  if (error instanceof Error && EXPECTED.some((kind) => error instanceof kind))
    return { text: error.message, code: TO_MEND };
  if (isAddressError(error))
    return {
      text: `The address cannot be used (${error.code}); set AIAAS_PORT or AIAAS_HOST to another, or AIAAS_OPERATIONS_PORT or AIAAS_OPERATIONS_HOST.`,
      code: TO_MEND,
    };
  return { text: error instanceof Error ? (error.stack ?? error.message) : String(error), code: 1 };
}
