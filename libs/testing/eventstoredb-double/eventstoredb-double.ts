import { GossipService } from '@eventstore/db-client/generated/gossip_grpc_pb';
import { ServerFeaturesService } from '@eventstore/db-client/generated/serverfeatures_grpc_pb';
import { StreamsService } from '@eventstore/db-client/generated/streams_grpc_pb';
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js';
import { AppendHandlers } from './append-handlers';
import { DeleteHandlers } from './delete-handlers';
import { Access, AppendFaults } from './faults';
import { clusterInfo, supportedMethods } from './node-services';
import type { ReadServerCall } from './read-call';
import { ReadHandler } from './read-handler';
import { type LogRecord, RecordLog } from './record-log';
import { consumerTooSlow, serverStopping } from './rpc-status';
import { Wire } from './wire';

const HOST = '127.0.0.1';
const NO_BYTES = new Uint8Array();

export interface EventStoreDbDoubleOptions {
  /** Live events that a subscription may lag behind before it is dropped. Default: 32, as on the server. */
  readonly liveEventsMax?: number;
}

/** The store as it was at some moment. */
export interface Backup {
  readonly records: number;
}

/**
 * A server that speaks EventStoreDB's protocol over a log in memory and behaves as the facts suite says, with faults on
 * demand. One process, one node, insecure.
 */
export class EventStoreDbDouble {
  readonly appendFaults = new AppendFaults();
  readonly access = new Access();
  readonly #log = new RecordLog();
  readonly #server = new Server();
  readonly #reads: ReadHandler;
  #wire: Wire | undefined;

  private constructor(options: EventStoreDbDoubleOptions) {
    const reads = new ReadHandler(this.#log, this.access, options.liveEventsMax ?? 32);
    const appends = new AppendHandlers(this.#log, this.appendFaults, this.access, () => this.cutConnections());
    const deletes = new DeleteHandlers(this.#log);
    this.#reads = reads;
    this.#server.addService(StreamsService, {
      read: (call: ReadServerCall) => void reads.read(call),
      append: appends.append.bind(appends),
      batchAppend: appends.batchAppend.bind(appends),
      delete: deletes.delete.bind(deletes),
      tombstone: deletes.tombstone.bind(deletes),
    });
    this.#server.addService(ServerFeaturesService, {
      getSupportedMethods: (_: ServerUnaryCall<unknown, unknown>, callback: sendUnaryData<unknown>) =>
        callback(null, supportedMethods()),
    });
    this.#server.addService(GossipService, {
      read: (_: ServerUnaryCall<unknown, unknown>, callback: sendUnaryData<unknown>) =>
        callback(null, clusterInfo(HOST, this.port)),
    });
  }

  static async start(options: EventStoreDbDoubleOptions = {}): Promise<EventStoreDbDouble> {
    const double = new EventStoreDbDouble(options);
    const port = await new Promise<number>((resolve, reject) => {
      double.#server.bindAsync(`${HOST}:0`, ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    double.#wire = new Wire(port);
    await double.#wire.open();
    return double;
  }

  get port(): number {
    return this.#requireWire().port;
  }

  get connectionString(): string {
    return `esdb://${HOST}:${this.port}?tls=false`;
  }

  /** Everything written, the server's own records included. */
  get records(): readonly LogRecord[] {
    return this.#log.records;
  }

  /** How many subscriptions are served now. */
  get subscriptions(): number {
    return this.#reads.sessions.size;
  }

  /** The positions after which subscriptions to all began, the newest last; 0n: at the start. */
  get subscribedAfter(): readonly bigint[] {
    return this.#reads.subscribedAfter;
  }

  /** Resets every connection, as a broken network does. */
  cutConnections(): void {
    this.#requireWire().cut();
  }

  /** No byte passes until `resume`, as with a stopped process. */
  stall(): void {
    this.#requireWire().stall();
  }

  resume(): void {
    this.#requireWire().resume();
  }

  /** Drops every subscription as the server drops one that is too slow. */
  dropSubscriptions(): void {
    for (const session of this.#reads.sessions) session.drop(consumerTooSlow());
  }

  /** As by kill -9: connections are reset and refused; what was written stays. */
  async kill(): Promise<void> {
    await this.#requireWire().close();
  }

  /** In good order: subscriptions are told first. */
  async stop(): Promise<void> {
    for (const session of this.#reads.sessions) session.drop(serverStopping());
    // The last answers leave before the connections do.
    await new Promise((resolve) => setTimeout(resolve, 20));
    await this.kill();
  }

  /** Comes up again on the same port; repeats under `any` are no longer known. */
  async startAgain(): Promise<void> {
    this.#log.forgetRecent();
    await this.#requireWire().open();
  }

  backUp(): Backup {
    return { records: this.#log.records.length };
  }

  /**
   * Comes up with an older state; what was written since is gone.
   * @param meanwhile runs before anybody can connect.
   */
  async restore(backup: Backup, meanwhile?: () => void): Promise<void> {
    await this.kill();
    this.#log.truncate(backup.records);
    meanwhile?.();
    await this.startAgain();
  }

  /** Writes at the server itself, whatever its connections do. */
  append(stream: string, events: readonly { id: string; type: string; body: Uint8Array }[]): void {
    const records = events.map(({ id, type, body }) => ({ id, type, isJson: true, data: body, metadata: NO_BYTES }));
    this.#log.append(stream, 'any', records);
  }

  softDelete(stream: string): void {
    this.#log.softDelete(stream, 'any');
  }

  tombstone(stream: string): void {
    this.#log.tombstone(stream, 'any');
  }

  /** Drops for good what streams no longer show. */
  scavenge(): void {
    this.#log.scavenge();
  }

  async dispose(): Promise<void> {
    await this.kill();
    this.#server.forceShutdown();
  }

  #requireWire(): Wire {
    if (this.#wire === undefined) throw new Error('the double was not started');
    return this.#wire;
  }
}
