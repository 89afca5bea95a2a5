import { at, type Given, rejection, someEvent, someEvents } from './target';

export function readingFacts(given: Given): void {
  it('a missing stream is not found', async () => {
    const missing = given().stream();
    expect(await rejection(given().readStream(missing))).toMatchObject({
      type: 'stream-not-found',
      streamName: missing,
    });
  });

  it('a soft-deleted stream is not found, and its revisions continue', async () => {
    const { client } = given();
    const stream = given().stream();
    await client.appendToStream(stream, someEvents(3), { expectedRevision: 'no_stream' });
    await client.deleteStream(stream);

    expect(await rejection(given().readStream(stream))).toMatchObject({ type: 'stream-not-found' });
    const next = await client.appendToStream(stream, someEvent(), { expectedRevision: 'no_stream' });
    expect(next.nextExpectedRevision).toBe(3n);
    expect(await given().revisions(stream)).toEqual([3n]);
  });

  it('a tombstoned stream is deleted for ever, for readers and writers', async () => {
    const { client } = given();
    const stream = given().stream();
    await client.appendToStream(stream, someEvents(1));
    await client.tombstoneStream(stream);

    expect(await rejection(given().readStream(stream))).toMatchObject({ type: 'stream-deleted', streamName: stream });
    expect(await rejection(client.appendToStream(stream, someEvent()))).toMatchObject({ type: 'stream-deleted' });
  });

  it('backwards from beyond the end begins at the end', async () => {
    const stream = given().stream();
    await given().client.appendToStream(stream, someEvents(3));
    expect(await given().revisions(stream, { direction: 'backwards', fromRevision: 9n })).toEqual([2n, 1n, 0n]);
    expect(await given().revisions(stream, { fromRevision: 9n })).toEqual([]);
  });

  it('reads its own writes at once', async () => {
    const { client } = given();
    for (let round = 0; round < 30; round += 1) {
      const stream = given().stream();
      const event = someEvent();
      await client.appendToStream(stream, event);
      expect((await given().readStream(stream))[0]?.id).toBe(event.id);
    }
  });

  positions(given);
}

function positions(given: Given): void {
  it('gives every event a position of its own, sparse, with commit and prepare the same', async () => {
    const stream = given().stream();
    const { position } = await given().client.appendToStream(stream, someEvents(5));
    const events = await given().readStream(stream);

    const places = events.map((event) => event?.position ?? at(0n));
    for (const { commit, prepare } of places) expect(commit).toBe(prepare);
    for (const [index, { commit }] of places.entries())
      if (index > 0) expect(commit - (places[index - 1]?.commit ?? 0n)).toBeGreaterThan(1n);
    expect(places.at(-1)).toEqual(position);
  });

  it("$all is inclusive forwards and exclusive backwards, and holds the server's own events", async () => {
    const stream = given().stream();
    await given().client.appendToStream(stream, someEvents(2));
    const [first, second] = await given().readStream(stream);
    const from = second?.position ?? 'end';

    const [forwards] = await given().readAll({ fromPosition: from, maxCount: 1 });
    const [backwards] = await given().readAll({ fromPosition: from, direction: 'backwards', maxCount: 1 });

    expect(forwards?.id).toBe(second?.id);
    expect(backwards?.id).toBe(first?.id);
    const [oldest] = await given().readAll({ maxCount: 1 });
    expect(oldest?.streamId.startsWith('$')).toBe(true);
    expect(oldest?.position.commit).toBeGreaterThan(0n);
  });

  it("a position that is no record's is an error; beyond the end there is nothing", async () => {
    const { position } = await given().client.appendToStream(given().stream(), someEvents(2));
    const last = position?.commit ?? 0n;

    expect(await rejection(given().readAll({ fromPosition: at(last - 1n), maxCount: 1 }))).toMatchObject({
      type: 'unknown',
      code: 2,
      message: '2 UNKNOWN: Unexpected ReadAllResult: Error',
    });
    expect(await given().readAll({ fromPosition: at(last + 1_000_000_000n) })).toEqual([]);
  });
}
