import { status } from '@grpc/grpc-js';
import { StoreHistoryChangedError, StoreUnavailableError } from '../port';

/** What gRPC, or the search for the leader before it, reports. */
export interface RpcFailure extends Error {
  readonly code?: number;
  readonly details?: string;
  readonly metadata?: { get(key: string): readonly unknown[] };
}

/** The server knows this user not, or does not let it do this. Nothing was written. */
export class AccessRefusedError extends StoreUnavailableError {
  constructor(options?: ErrorOptions) {
    super('EventStoreDB refused this user: check the connection string, and the access lists of the server', options);
  }
}

/** A stream that somebody deleted for ever. The platform never does. */
export class StreamTombstonedError extends Error {
  override readonly name = 'StreamTombstonedError';
}

export function toRpcFailure(error: unknown): RpcFailure {
  return error instanceof Error ? error : new Error(String(error));
}

/** The server's own name of an error, for example `stream-deleted`. */
export function exceptionOf(failure: RpcFailure): string | undefined {
  const [name] = failure.metadata?.get('exception') ?? [];
  return name === undefined ? undefined : String(name);
}

/**
 * Whether a call failed before its first byte left this process, since no connection was made. Only these texts of the
 * pinned gRPC library prove it; everything else leaves the outcome open.
 */
export function provesNothingWasSent(failure: RpcFailure): boolean {
  if (failure.code !== status.UNAVAILABLE) return false;
  return /^(No connection established|Name resolution failed|Channel closed before call started)/.test(
    failure.details ?? '',
  );
}

export function isAccessDenied(failure: RpcFailure): boolean {
  return (
    failure.code === status.PERMISSION_DENIED ||
    failure.code === status.UNAUTHENTICATED ||
    exceptionOf(failure) === 'access-denied'
  );
}

/** Only a read from a position that is no record's answers so. */
function isPositionError(failure: RpcFailure): boolean {
  return failure.code === status.UNKNOWN && (failure.details ?? '').includes('ReadAllResult: Error');
}

const HINTS: readonly { readonly sign: RegExp; readonly hint: string }[] = [
  { sign: /wrong version number/, hint: 'the server speaks plain text: write tls=false, or let it use TLS' },
  {
    sign: /certificate|altnames/i,
    hint: "the server's certificate is not trusted or names another host: give its authority with tlsCaFile",
  },
  { sign: /ECONNREFUSED|Failed to discover|ENOTFOUND/, hint: 'no server runs there: check host, port and server' },
];

/** The library's words, and what to do about them where that is known. */
export function reasonOf(failure: RpcFailure): string {
  const words = failure.message.replace(/\s+/g, ' ').trim();
  const hint = HINTS.find(({ sign }) => sign.test(words))?.hint;
  return hint === undefined ? words : `${hint}; "${words}"`;
}

export function readError(error: unknown): Error {
  if (error instanceof StoreUnavailableError) return error;
  const failure = toRpcFailure(error);
  const options = { cause: failure };
  if (isAccessDenied(failure)) return new AccessRefusedError(options);
  if (isPositionError(failure))
    return new StoreHistoryChangedError('the position at which reading should begin is no event of it', options);
  if (exceptionOf(failure) === 'stream-deleted')
    return new StreamTombstonedError('the stream was deleted for ever (tombstoned)', options);
  return new StoreUnavailableError(`EventStoreDB did not answer a read (${reasonOf(failure)})`, options);
}
