import { execFile } from 'node:child_process';
import type { Given } from './target';

interface Ending {
  /** Absent when the process had to be killed. */
  readonly exitCode?: number;
  readonly output: string;
  readonly errors: string;
}

/** The traps end or hang their process, so each is sprung in one of its own. */
function runInProcess(script: string, given: Given, timeoutMs: number): Promise<Ending> {
  const program = `
    const { EventStoreDBClient, jsonEvent } = require(${JSON.stringify(require.resolve('@eventstore/db-client'))});
    const client = EventStoreDBClient.connectionString(${JSON.stringify(given().target.connectionString)});
    const stream = ${JSON.stringify(given().stream('trap'))};
    const id = require('node:crypto').randomUUID();
    (async () => { ${script} })();`;
  return new Promise((resolve) => {
    const child = execFile(process.execPath, ['-e', program], { timeout: timeoutMs }, (_, output, errors) => {
      resolve({ output, errors, ...(child.exitCode === null ? {} : { exitCode: child.exitCode }) });
    });
  });
}

const KEEP_RUNNING = 'setTimeout(() => { console.log("still there"); process.exit(0); }, 1500);';

export function trapFacts(given: Given): void {
  it.each([
    { what: 'an id that is no UUID', event: `{ id: 'no-uuid', type: 'T', data: {} }` },
    { what: 'an empty type', event: `{ id, type: '', data: {} }` },
  ])('$what is rejected, and kills the process when the deadline passes', async ({ event }) => {
    const { exitCode, output, errors } = await runInProcess(
      `${KEEP_RUNNING}
       await client.appendToStream(stream, jsonEvent(${event}), { deadline: 300 }).catch((error) => console.log(error.type));`,
      given,
      4_000,
    );

    expect(output).toBe('unknown\n');
    expect(exitCode).toBe(1);
    expect(errors).toContain('TypeError');
  });

  it('data that JSON turns into nothing kills the process or never settles', async () => {
    const { output, errors } = await runInProcess(
      `${KEEP_RUNNING}
       client.appendToStream(stream, jsonEvent({ id, type: 'T', data: undefined })).then(() => console.log('appended'));`,
      given,
      4_000,
    );

    expect(output).not.toContain('appended');
    expect(errors.includes('TypeError') || output === 'still there\n').toBe(true);
  });

  it('dispose() waits for ever after reads that were left on their last event', async () => {
    const { output } = await runInProcess(
      `setTimeout(() => { console.log('waiting'); process.exit(0); }, 1000);
       await client.appendToStream(stream, jsonEvent({ id, type: 'T', data: {} }));
       for (let read = 0; read < 50; read += 1)
         for await (const _ of client.readStream(stream, { maxCount: 1 })) break;
       await client.dispose();
       console.log('disposed');`,
      given,
      4_000,
    );

    expect(output).toBe('waiting\n');
  });

  it('a subscription that failed is neither ended nor destroyed', async () => {
    const { client } = given();
    const { position } = await client.appendToStream(given().stream(), {
      contentType: 'application/json',
      id: crypto.randomUUID(),
      type: 'T',
      data: {},
      metadata: undefined,
    });
    const beside = (position?.commit ?? 0n) - 1n;

    const subscription = client.subscribeToAll({ fromPosition: { commit: beside, prepare: beside } });
    const error = await new Promise((resolve) => subscription.once('error', resolve));

    expect(error).toMatchObject({ type: 'unknown' });
    expect(subscription.destroyed).toBe(false);
    expect(subscription.readableEnded).toBe(false);
    subscription.on('error', () => undefined);
    subscription.destroy();
  });
}
