import { randomUUID } from 'node:crypto';
import { type FactsTarget, type Given, rejection, someEvent, someEvents } from './target';

/** Facts that need the server to die; they run where the target lets the tests do that. */
export function restartingFacts(given: Given): void {
  function controls(): NonNullable<FactsTarget['process']> {
    const { process } = given().target;
    if (process === undefined) throw new Error('this target cannot be restarted');
    return process;
  }

  it('after kill -9, a repeat under its expected revision is known, under "any" it is written again', async () => {
    const { client } = given();
    const exact = given().stream();
    const loose = given().stream();
    const batch = someEvents(3);
    const original = await client.appendToStream(exact, batch, { expectedRevision: 'no_stream' });
    const looseBatch = someEvents(2);
    await client.appendToStream(loose, looseBatch, { expectedRevision: 'any' });

    await controls().kill();
    await controls().start();

    expect(await eventually(() => client.appendToStream(exact, batch, { expectedRevision: 'no_stream' }))).toEqual(
      original,
    );
    expect(await given().revisions(exact)).toEqual([0n, 1n, 2n]);
    await client.appendToStream(loose, looseBatch, { expectedRevision: 'any' });
    expect(await given().revisions(loose)).toEqual([0n, 1n, 2n, 3n]);
  });

  it('while the server is down, an append rejects with a plain error of code 14', async () => {
    const { client } = given();
    await client.appendToStream(given().stream(), someEvent());
    await controls().kill();
    await rejection(client.appendToStream(given().stream(), someEvent()));

    const error = await rejection(client.appendToStream(given().stream(randomUUID()), someEvent()));

    expect(error).toMatchObject({ code: 14 });
    expect(error).not.toHaveProperty('type');
    await controls().start();
  });
}

/** A client that has seen its server die needs a moment before it connects again. */
async function eventually<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries += 1)
    try {
      return await attempt();
    } catch (error) {
      if (tries >= 60) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
}
