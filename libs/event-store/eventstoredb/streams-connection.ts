import { type ChannelCredentialOptions, EventStoreDBClient, type GossipClusterOptions } from '@eventstore/db-client';
import { StreamsClient } from '@eventstore/db-client/generated/streams_grpc_pb';
import type { BatchAppendReq, BatchAppendResp, ReadReq, ReadResp } from '@eventstore/db-client/generated/streams_pb';
import type { ClientDuplexStream, ClientReadableStream } from '@grpc/grpc-js';
import { type ConnectionSettings, readCertificateAuthority } from './connection-settings';

export type AppendCall = ClientDuplexStream<BatchAppendReq, BatchAppendResp>;
export type ReadCall = ClientReadableStream<ReadResp>;

const DISPOSE_MS_MAX = 2_000;

/**
 * The client with its calls laid bare. The client finds the leader, keeps the connection and reconnects; its `append`
 * and `read` functions are not used, since they keep one table of pending appends for the whole process (a late answer
 * ends the process, another server's failure rejects this one's appends), give back parsed JSON instead of the bytes,
 * and leave streams behind that make `dispose()` wait for ever.
 */
export class StreamsConnection extends EventStoreDBClient {
  /** Does no input or output but reading the authority's file. @throws InvalidConnectionStringError */
  static open(settings: ConnectionSettings): StreamsConnection {
    const common: Omit<GossipClusterOptions, 'endpoints'> = {
      keepAliveInterval: settings.keepAliveIntervalMs,
      keepAliveTimeout: settings.keepAliveTimeoutMs,
      maxDiscoverAttempts: settings.discoverAttemptsMax,
      discoveryInterval: settings.discoveryIntervalMs,
      gossipTimeout: settings.gossipTimeoutS,
      ...(settings.connectionName === undefined ? {} : { connectionName: settings.connectionName }),
    };
    const channel: ChannelCredentialOptions =
      settings.tls === undefined
        ? { insecure: true }
        : {
            insecure: false,
            ...(settings.tls.caFile === undefined
              ? {}
              : { rootCertificate: readCertificateAuthority(settings.tls.caFile) }),
          };
    const endpoints = settings.endpoints.map((endpoint) => ({ ...endpoint }));
    const first = endpoints[0];
    if (first === undefined) throw new RangeError('connection settings name at least one endpoint');
    switch (settings.discovery) {
      case 'none':
        return new StreamsConnection({ ...common, endpoint: first }, channel, settings.credentials);
      case 'gossip':
        return new StreamsConnection({ ...common, endpoints }, channel, settings.credentials);
      case 'dns':
        return new StreamsConnection({ ...common, discover: first }, channel, settings.credentials);
    }
  }

  /** One long call that carries any number of appends. */
  openAppendCall(): Promise<AppendCall> {
    return this.GRPCStreamCreator(StreamsClient, 'batchAppend', (client) =>
      client.batchAppend(...this.callArguments({ requiresLeader: true }, { deadline: Infinity })),
    )();
  }

  openReadCall(request: ReadReq): Promise<ReadCall> {
    return this.GRPCStreamCreator(StreamsClient, 'read', (client) =>
      client.read(request, ...this.callArguments({ requiresLeader: true }, { deadline: Infinity })),
    )();
  }

  /** Ends what is still open, within bounded time, so that the process can exit. */
  async shutDown(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const bound = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, DISPOSE_MS_MAX);
    });
    await Promise.race([this.dispose(), bound]);
    clearTimeout(timer);
    try {
      (await Promise.race([this.getChannel(), bound]))?.close();
    } catch {
      // A channel that was never found needs no closing.
    }
  }
}
