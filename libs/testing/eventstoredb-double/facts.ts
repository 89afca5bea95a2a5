import { appendingFacts } from './facts/appending';
import { limitingFacts } from './facts/limiting';
import { readingFacts } from './facts/reading';
import { restartingFacts } from './facts/restarting';
import { subscribingFacts } from './facts/subscribing';
import { type Connect, FactsClient, type FactsTarget } from './facts/target';
import { trapFacts } from './facts/traps';

export type { Connect, FactsTarget } from './facts/target';

const DISPOSE_MS_MAX = 500;

/**
 * How EventStoreDB and its client really behave, as far as the adapter relies on it. It runs against the protocol
 * double and against a real server, so that the double cannot drift from what it stands for.
 * @param restartable whether the target lets the tests kill and start the server.
 */
export function eventStoreDbFacts(name: string, connect: Connect, restartable: boolean): void {
  describe(`EventStoreDB as it really behaves, on ${name}`, () => {
    let target: FactsTarget;
    let current: FactsClient | undefined;

    beforeAll(async () => {
      target = await connect();
    });
    beforeEach(() => {
      current = new FactsClient(target);
    });
    afterEach(async () => {
      // Bounded, since one of the facts is that it may never resolve.
      await Promise.race([current?.client.dispose(), new Promise((resolve) => setTimeout(resolve, DISPOSE_MS_MAX))]);
      current = undefined;
    });
    const given = (): FactsClient => {
      if (current === undefined) throw new Error('the client is there only while a test runs');
      return current;
    };

    describe('appending', () => appendingFacts(given));
    describe('reading', () => readingFacts(given));
    describe('limits and times of streams', () => limitingFacts(given));
    describe('subscribing', () => subscribingFacts(given));
    describe('traps of the client', () => trapFacts(given));
    if (restartable) describe('restarting', () => restartingFacts(given));
  });
}
