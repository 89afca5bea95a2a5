import { ConfigurationError } from '#configuration';
import { ConfigurationFileError } from '#control';
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
];

const TO_MEND = 78;
/** Of sysexits.h: whoever started it should do so again. */
const TRY_AGAIN = 75;

function isAddressInUse(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error && (error.code === 'EADDRINUSE' || error.code === 'EACCES');
}

/** What to write to standard error, and the exit code. */
export function failureOf(error: unknown): { readonly text: string; readonly code: number } {
  if (error instanceof RecordAwayError) return { text: error.message, code: TRY_AGAIN };
  if (error instanceof Error && EXPECTED.some((kind) => error instanceof kind))
    return { text: error.message, code: TO_MEND };
  if (isAddressInUse(error))
    return {
      text: `The address cannot be used (${error.code}); set AIAAS_PORT or AIAAS_HOST to another.`,
      code: TO_MEND,
    };
  return { text: error instanceof Error ? (error.stack ?? error.message) : String(error), code: 1 };
}
