import { randomBytes, randomUUID } from 'node:crypto';
import { EventStoreDBClient } from '@eventstore/db-client';
import * as fc from 'fast-check';
import { canonicalJson, composeEventId, type EncodedEvent, type StreamName } from '#kernel';
import { EventStoreDbDouble } from '#testing/eventstoredb-double';
import { collect } from '../harness.contract';
import { parseConnectionString } from './connection-settings';
import { EventStoreDbEventStore } from './eventstoredb-event-store';

/** On a real server when `EVENTSTOREDB_URL` names one, as the contract suite. */
const url = process.env.EVENTSTOREDB_URL;

describe(`The bytes of an event on ${url === undefined ? 'the protocol double' : 'EVENTSTOREDB_URL'}`, () => {
  let double: EventStoreDbDouble | undefined;
  let connectionString: string;
  let store: EventStoreDbEventStore;
  let client: EventStoreDBClient;

  beforeAll(async () => {
    if (url === undefined) double = await EventStoreDbDouble.start();
    connectionString = url ?? double?.connectionString ?? '';
    store = new EventStoreDbEventStore(parseConnectionString(connectionString));
    client = EventStoreDBClient.connectionString(connectionString);
  });

  afterAll(async () => {
    await store.close();
    await client.dispose();
    await double?.dispose();
  });

  function event(body: Uint8Array): EncodedEvent {
    return { id: composeEventId(Date.now(), randomBytes(10)), type: 'BytesKept', body };
  }

  function newStream(): StreamName {
    return `bytes-${randomUUID()}` as StreamName;
  }

  async function stored(body: Uint8Array): Promise<Uint8Array | undefined> {
    const stream = newStream();
    await store.append(stream, 'no-stream', [event(body)]);
    const [read] = await collect(store.readStream(stream));
    return read?.body;
  }

  /** What the published client, and with it the server's own tools, make of the only event of a stream. */
  async function seenByOthers(stream: string): Promise<{ isJson: boolean; data: unknown; metadata: unknown }> {
    // Drained: a read that is left on its last event would make `dispose()` wait for ever.
    const [only] = await collect(client.readStream(stream));
    if (only?.event === undefined) throw new Error(`${stream} is empty`);
    const { isJson, data, metadata } = only.event;
    return { isJson, data, metadata };
  }

  it('come back exactly, whatever canonical JSON they are', async () => {
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue()), async (data) => {
        const body = Buffer.from(canonicalJson({ data, v: 1 }));
        expect(Buffer.compare((await stored(body)) ?? Buffer.alloc(0), body)).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  it('come back exactly where re-serializing would reorder them, and other tools still see JSON', async () => {
    const body = Buffer.from('{"data":{"10":1,"9":2,"__proto__":3,"π":"\\u2028"},"v":1}');
    const stream = newStream();
    await store.append(stream, 'no-stream', [event(body)]);

    const [read] = await collect(store.readStream(stream));
    expect(Buffer.from(read?.body ?? []).toString()).toBe(body.toString());
    if (double !== undefined) expect(Buffer.compare(double.records.at(-1)?.data ?? Buffer.alloc(0), body)).toBe(0);
    expect(await seenByOthers(stream)).toMatchObject({ isJson: true, data: { data: { 10: 1, 9: 2 }, v: 1 } });
  });

  it.each(['{"broken":', '\uFEFF{}', ''])('come back exactly even where they are no JSON: %j', async (text) => {
    const body = Buffer.from(text);
    expect(Buffer.from((await stored(body)) ?? []).toString()).toBe(body.toString());
  });

  it.each([
    {
      what: 'both',
      body: { causation: 'cause-1', correlation: 'trace-1' },
      metadata: { $correlationId: 'trace-1', $causationId: 'cause-1' },
    },
    { what: 'one', body: { correlation: 'trace-2' }, metadata: { $correlationId: 'trace-2' } },
    { what: 'none', body: {}, metadata: undefined },
    { what: 'none but in the data', body: { data: { correlation: 'mine' } }, metadata: undefined },
  ])('carry what traces a request in the metadata: $what', async ({ body, metadata }) => {
    const stream = newStream();
    await store.append(stream, 'no-stream', [event(Buffer.from(canonicalJson(body)))]);
    expect((await seenByOthers(stream)).metadata).toEqual(metadata);
  });
});
