import { MaxAppendSizeExceededError, WrongExpectedVersionError } from '@eventstore/db-client';
import { eventOfBytes, type Given, rejection, someEvent, someEvents } from './target';

const APPEND_DATA_BYTES_MAX = 1_048_576;
/** Per-call credentials force the older call, one for each append. */
const PLAIN = { credentials: { username: 'admin', password: 'changeit' } };

export function appendingFacts(given: Given): void {
  describe.each([
    { way: 'in a batch call', options: {} },
    { way: 'with per-call credentials', options: PLAIN },
  ])('appending $way', ({ options }) => {
    it('answers with revision and position of the last event, and writes a batch whole', async () => {
      const { client } = given();
      const stream = given().stream();

      const result = await client.appendToStream(stream, someEvents(2_000), {
        expectedRevision: 'no_stream',
        ...options,
      });

      expect(result).toMatchObject({ success: true, nextExpectedRevision: 1_999n });
      const events = await given().readStream(stream);
      expect(events.map((event) => event?.revision)).toEqual(Array.from({ length: 2_000 }, (_, n) => BigInt(n)));
      const [last] = await given().readAll({ fromPosition: result.position ?? 'start', maxCount: 1 });
      expect(last).toMatchObject({ streamId: stream, revision: 1_999n });
    });

    it('takes 1,048,576 bytes of data, not one more, and does not count metadata', async () => {
      const { client } = given();
      const largest = { ...eventOfBytes(APPEND_DATA_BYTES_MAX), metadata: { m: 'y'.repeat(50_000) } };
      await client.appendToStream(given().stream(), [largest], options);

      const error = await rejection(
        client.appendToStream(given().stream(), [eventOfBytes(APPEND_DATA_BYTES_MAX + 1)], options),
      );
      expect(error).toBeInstanceOf(MaxAppendSizeExceededError);
      expect(error).toMatchObject({ maxAppendSize: APPEND_DATA_BYTES_MAX });
    });

    it('names the actual revision of a conflict, with an empty message', async () => {
      const { client } = given();
      const stream = given().stream();
      await client.appendToStream(stream, someEvents(2), { expectedRevision: 'no_stream', ...options });

      for (const expectedRevision of [0n, 7n, 'no_stream'] as const) {
        const error = await rejection(client.appendToStream(stream, someEvent(), { expectedRevision, ...options }));
        expect(error).toBeInstanceOf(WrongExpectedVersionError);
        expect(error).toMatchObject({ streamName: stream, actualVersion: 1n, expectedVersion: expectedRevision });
        expect(error).toHaveProperty('message', '');
      }
      const missing = given().stream();
      const error = await rejection(client.appendToStream(missing, someEvent(), { expectedRevision: 3n, ...options }));
      expect(error).toMatchObject({ streamName: missing, actualVersion: 'no_stream' });
    });

    repeats(given, options);
  });

  oddities(given);
}

function repeats(given: Given, options: object): void {
  it('knows a repeat by its ids and the original expected revision, and drops other data silently', async () => {
    const { client } = given();
    const stream = given().stream();
    const batch = someEvents(3);
    const original = await client.appendToStream(stream, batch, { expectedRevision: 'no_stream', ...options });
    await client.appendToStream(stream, someEvents(2), { expectedRevision: 2n, ...options });

    const again = await client.appendToStream(stream, batch, { expectedRevision: 'no_stream', ...options });
    const changed = batch.map(({ id }) => someEvent({ other: true }, id));
    const other = await client.appendToStream(stream, changed, { expectedRevision: 'no_stream', ...options });
    const fewer = await client.appendToStream(stream, batch.slice(0, 2), { expectedRevision: 'no_stream', ...options });

    expect(again).toEqual(original);
    expect(other).toEqual(original);
    expect(fewer.nextExpectedRevision).toBe(1n);
    const events = await given().readStream(stream);
    expect(events).toHaveLength(5);
    expect(events[0]?.data).toEqual({ n: 1 });
  });

  it.each(['with one event more', 'reordered'] as const)('refuses a repeat %s', async (change) => {
    const { client } = given();
    const stream = given().stream();
    const batch = someEvents(3);
    await client.appendToStream(stream, batch, { expectedRevision: 'no_stream', ...options });

    const repeat = change === 'reordered' ? [...batch].reverse() : [...batch, someEvent()];
    const error = await rejection(client.appendToStream(stream, repeat, { expectedRevision: 'no_stream', ...options }));
    expect(error).toMatchObject({ type: 'wrong-expected-version', actualVersion: 2n });
  });

  it('knows a repeat under "any" only while the server remembers it', async () => {
    const { client } = given();
    const stream = given().stream();
    const batch = someEvents(2);
    const original = await client.appendToStream(stream, batch, { expectedRevision: 'any', ...options });

    expect(await client.appendToStream(stream, batch, { expectedRevision: 'any', ...options })).toEqual(original);
    const mixed = client.appendToStream(stream, [...batch, someEvent()], { expectedRevision: 'any', ...options });
    expect(await rejection(mixed)).toBeInstanceOf(WrongExpectedVersionError);
    expect(await given().revisions(stream)).toEqual([0n, 1n]);
  });
}

function oddities(given: Given): void {
  it('rejects a negative expected revision with an obscure error', async () => {
    const append = given().client.appendToStream(given().stream(), someEvent(), { expectedRevision: -1n });
    expect(await rejection(append)).toMatchObject({ type: 'unknown', code: 13 });
  });

  it('lets an empty append succeed without making a stream', async () => {
    const { client } = given();
    const stream = given().stream();
    expect(await client.appendToStream(stream, [], { expectedRevision: 'no_stream' })).toMatchObject({ success: true });
    expect(await rejection(given().readStream(stream))).toMatchObject({ type: 'stream-not-found' });
  });
}
