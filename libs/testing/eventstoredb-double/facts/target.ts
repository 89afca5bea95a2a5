import { randomUUID } from 'node:crypto';
import {
  type AllStreamRecordedEvent,
  EventStoreDBClient,
  type JSONEventData,
  jsonEvent,
  type ReadAllOptions,
  type ReadStreamOptions,
  type ResolvedEvent,
} from '@eventstore/db-client';

/** A server to check the facts against, shared by all tests. */
export interface FactsTarget {
  readonly connectionString: string;
  /** Ends the server as by kill -9, and brings it up again; absent where the tests may not do that. */
  readonly process?: { kill(): Promise<void>; start(): Promise<void> };
}

export type Connect = () => Promise<FactsTarget>;

/** A client of the published package, as the facts are about it; each test gets a fresh one. */
export class FactsClient {
  readonly client: EventStoreDBClient;

  constructor(readonly target: FactsTarget) {
    this.client = EventStoreDBClient.connectionString(target.connectionString);
  }

  stream(label = 'facts'): string {
    return `${label}-${randomUUID()}`;
  }

  async readStream(stream: string, options: ReadStreamOptions = {}): Promise<ResolvedEvent['event'][]> {
    const events: ResolvedEvent['event'][] = [];
    for await (const { event } of this.client.readStream(stream, options)) events.push(event);
    return events;
  }

  async revisions(stream: string, options: ReadStreamOptions = {}): Promise<bigint[]> {
    const events = await this.readStream(stream, options);
    return events.map((event) => event?.revision ?? -1n);
  }

  async readAll(options: ReadAllOptions = {}): Promise<AllStreamRecordedEvent[]> {
    const events: AllStreamRecordedEvent[] = [];
    for await (const { event } of this.client.readAll(options)) if (event !== undefined) events.push(event);
    return events;
  }

  async lastPosition(): Promise<bigint> {
    const [last] = await this.readAll({ direction: 'backwards', fromPosition: 'end', maxCount: 1 });
    return last?.position.commit ?? 0n;
  }
}

export type Given = () => FactsClient;

export function someEvent(data: Record<string, unknown> = { n: 1 }, id: string = randomUUID()): JSONEventData {
  return jsonEvent({ id, type: 'FactChecked', data });
}

export function someEvents(count: number): JSONEventData[] {
  return Array.from({ length: count }, () => someEvent());
}

/** An event whose data has exactly so many bytes. */
export function eventOfBytes(bytes: number): JSONEventData {
  return someEvent({ p: 'x'.repeat(bytes - '{"p":""}'.length) });
}

export function at(position: bigint): { commit: bigint; prepare: bigint } {
  return { commit: position, prepare: position };
}

/** What a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('nothing was rejected');
}
