import { Metadata, status } from '@grpc/grpc-js';
import { StoreHistoryChangedError, StoreUnavailableError } from '../port';
import {
  AccessRefusedError,
  provesNothingWasSent,
  type RpcFailure,
  readError,
  StreamTombstonedError,
} from './rpc-failure';

function failure(code: status, details: string, exception?: string): RpcFailure {
  const metadata = new Metadata();
  if (exception !== undefined) metadata.set('exception', exception);
  return Object.assign(new Error(`${code} ${status[code]}: ${details}`), { code, details, metadata });
}

describe('A failed call', () => {
  it.each([
    { details: 'No connection established. Last error: connect ECONNREFUSED 127.0.0.1:1', sent: false },
    { details: 'Name resolution failed for target dns:db:2113', sent: false },
    { details: 'Channel closed before call started', sent: false },
    { details: 'Connection dropped', sent: true },
    { details: 'read ECONNRESET', sent: true },
    { details: 'Server Is Not Ready', sent: true },
  ])('"$details" leaves the outcome of an append open: $sent', ({ details, sent }) => {
    expect(provesNothingWasSent(failure(status.UNAVAILABLE, details))).toBe(!sent);
  });

  it.each([status.DEADLINE_EXCEEDED, status.INTERNAL, status.CANCELLED, status.UNKNOWN])(
    'with code %d proves nothing, whatever it says',
    (code) => {
      expect(provesNothingWasSent(failure(code, 'No connection established'))).toBe(false);
    },
  );

  it.each([
    {
      of: failure(status.UNAUTHENTICATED, 'Unauthenticated'),
      is: AccessRefusedError,
      says: 'check the connection string',
    },
    {
      of: failure(status.PERMISSION_DENIED, 'Access Denied', 'access-denied'),
      is: AccessRefusedError,
      says: 'refused',
    },
    {
      of: failure(status.UNKNOWN, 'Unexpected ReadAllResult: Error'),
      is: StoreHistoryChangedError,
      says: 'no event of it',
    },
    {
      of: failure(status.FAILED_PRECONDITION, 'Event stream is deleted.', 'stream-deleted'),
      is: StreamTombstonedError,
      says: 'deleted for ever',
    },
    {
      of: failure(
        status.UNAVAILABLE,
        'No connection established. Last error: Error: unable to verify the first certificate',
      ),
      is: StoreUnavailableError,
      says: 'tlsCaFile',
    },
    {
      of: failure(status.UNAVAILABLE, 'Last error: SSL routines:ssl3_get_record:wrong version number:\n'),
      is: StoreUnavailableError,
      says: 'write tls=false',
    },
    {
      of: failure(status.UNAVAILABLE, 'connect ECONNREFUSED'),
      is: StoreUnavailableError,
      says: 'no server runs there',
    },
    { of: failure(status.CANCELLED, 'Call cancelled'), is: StoreUnavailableError, says: 'CANCELLED: Call cancelled' },
  ])('of a read becomes an error that says what to do: $says', ({ of, is, says }) => {
    const error = readError(of);
    expect(error).toBeInstanceOf(is);
    expect(error.message).toContain(says);
    expect(error.cause).toBe(of);
  });
});
