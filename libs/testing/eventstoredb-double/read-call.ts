import type { ReadReq, ReadResp } from '@eventstore/db-client/generated/streams_pb';
import type { ServerWritableStream } from '@grpc/grpc-js';
import type { LogRecord } from './record-log';
import type { RpcStatus } from './rpc-status';

export type ReadServerCall = ServerWritableStream<ReadReq, ReadResp>;

/** Sends one answer and waits while the client takes no more; `false` once nobody listens. */
export async function send(call: ReadServerCall, answer: ReadResp): Promise<boolean> {
  if (call.cancelled || call.destroyed) return false;
  if (!call.write(answer))
    await new Promise<void>((resolve) => {
      const events = ['drain', 'cancelled', 'close', 'error'] as const;
      const done = (): void => {
        for (const event of events) call.off(event, done);
        resolve();
      };
      for (const event of events) call.on(event, done);
    });
  return !call.cancelled && !call.destroyed;
}

export function fail(call: ReadServerCall, rpcStatus: RpcStatus): void {
  if (!call.cancelled && !call.destroyed) call.emit('error', rpcStatus);
}

/** What a filter lets through; without one, everything. */
export function recordFilter(options: ReadReq.Options): (record: LogRecord) => boolean {
  const filter = options.getFilter();
  if (filter === undefined) return () => true;
  const byStream = filter.getStreamIdentifier();
  const expression = byStream ?? filter.getEventType();
  const subject = (record: LogRecord): string => (byStream === undefined ? record.type : record.stream);
  const regex = expression?.getRegex() ?? '';
  if (regex !== '') {
    const compiled = new RegExp(regex);
    return (record) => compiled.test(subject(record));
  }
  const prefixes = expression?.getPrefixList() ?? [];
  return (record) => prefixes.some((prefix) => subject(record).startsWith(prefix));
}
