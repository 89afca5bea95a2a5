import { Metadata, status } from '@grpc/grpc-js';

/** An error as the server ends a call with it; `exception` is its own name for what clients tell apart. */
export interface RpcStatus {
  readonly code: status;
  readonly details: string;
  readonly metadata: Metadata;
}

function rpcStatus(code: status, details: string, exception?: string, more: Record<string, string> = {}): RpcStatus {
  const metadata = new Metadata();
  if (exception !== undefined) metadata.set('exception', exception);
  for (const [key, value] of Object.entries(more)) metadata.set(key, value);
  return { code, details, metadata };
}

export function streamDeleted(stream: string): RpcStatus {
  return rpcStatus(status.FAILED_PRECONDITION, `Event stream '${stream}' is deleted.`, 'stream-deleted', {
    'stream-name': stream,
  });
}

export function wrongExpectedVersion(stream: string, expected: string, current: bigint): RpcStatus {
  return rpcStatus(
    status.FAILED_PRECONDITION,
    `Append failed due to WrongExpectedVersion. Stream: ${stream}, Expected version: ${expected}, Actual version: ${current}`,
    'wrong-expected-version',
    { 'stream-name': stream, 'expected-version': expected, 'actual-version': current.toString() },
  );
}

export function appendTooLarge(bytesMax: number): RpcStatus {
  return rpcStatus(
    status.INVALID_ARGUMENT,
    `Maximum Append Size of ${bytesMax} Exceeded.`,
    'maximum-append-size-exceeded',
    { 'maximum-append-size': bytesMax.toString() },
  );
}

export function accessDenied(): RpcStatus {
  return rpcStatus(status.PERMISSION_DENIED, 'Access Denied', 'access-denied');
}

export function noRecordBoundary(): RpcStatus {
  return rpcStatus(status.UNKNOWN, 'Unexpected ReadAllResult: Error');
}

export function consumerTooSlow(): RpcStatus {
  return rpcStatus(
    status.ABORTED,
    'Operation timed out: Consumer too slow to handle event while live. Client resubscription required.',
  );
}

export function operationTimedOut(): RpcStatus {
  return rpcStatus(status.ABORTED, 'Operation timed out: write timeout');
}

/** How calls end when a server stops in good order. */
export function serverStopping(): RpcStatus {
  return rpcStatus(status.INTERNAL, 'Received RST_STREAM with code 0 (Call ended without gRPC status)');
}

export function unknownError(error: unknown): RpcStatus {
  return rpcStatus(status.UNKNOWN, error instanceof Error ? error.message : String(error));
}
