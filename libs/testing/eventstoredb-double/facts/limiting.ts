import { setTimeout as sleep } from 'node:timers/promises';
import { at, type Given, someEvent, someEvents } from './target';

export function limitingFacts(given: Given): void {
  it('maxCount and truncateBefore hide events of a stream at once, and leave them in $all', async () => {
    const { client } = given();
    const stream = given().stream();
    const before = await given().lastPosition();
    await client.appendToStream(stream, someEvents(4));

    await client.setStreamMetadata(stream, { maxCount: 2 });
    expect(await given().revisions(stream)).toEqual([2n, 3n]);
    await client.setStreamMetadata(stream, { truncateBefore: 3 });
    expect(await given().revisions(stream)).toEqual([3n]);
    await client.setStreamMetadata(stream, { truncateBefore: 4 });
    expect(await given().revisions(stream)).toEqual([]);

    const all = await given().readAll({ fromPosition: at(before) });
    expect(all.filter(({ streamId }) => streamId === stream)).toHaveLength(4);
  });

  it('maxAge hides events once they are so old, counted from when the server recorded them', async () => {
    const { client } = given();
    const stream = given().stream();
    await client.setStreamMetadata(stream, { maxAge: 1 });
    await client.appendToStream(stream, someEvent());
    expect(await given().revisions(stream)).toEqual([0n]);

    await sleep(1_200);
    await client.appendToStream(stream, someEvent());
    expect(await given().revisions(stream)).toEqual([1n]);
  });

  it('with maxCount revisions go on, and a repeat under the original expected revision is still known', async () => {
    const { client } = given();
    const stream = given().stream();
    await client.setStreamMetadata(stream, { maxCount: 1 });
    await client.appendToStream(stream, someEvent(), { expectedRevision: 'no_stream' });
    const second = someEvent();
    const written = await client.appendToStream(stream, second, { expectedRevision: 0n });
    const repeated = await client.appendToStream(stream, second, { expectedRevision: 0n });
    expect(repeated.nextExpectedRevision).toBe(1n);
    expect(repeated.position).toEqual(written.position);
    expect(await given().revisions(stream)).toEqual([1n]);
  });

  it('says when it recorded an event, by its own clock', async () => {
    const { client } = given();
    const stream = given().stream();
    const before = Date.now();
    await client.appendToStream(stream, someEvent());
    const [recorded] = await given().readStream(stream);
    const created = recorded?.created.getTime() ?? 0;
    // The server under test runs on this machine, and so by the same clock.
    expect(created).toBeGreaterThanOrEqual(before);
    expect(created).toBeLessThanOrEqual(Date.now());
  });
}
