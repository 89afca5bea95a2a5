import { commitContract } from './commits.contract';
import { generationContract } from './generations.contract';
import { type MakeReadStore, useReadStore } from './harness.contract';
import { aggregateContract, findContract } from './queries.contract';

export type { MakeReadStore, ReadStoreFixture } from './harness.contract';

/** Every guarantee of the port, as tests that each adapter runs in full. */
export function readStoreContract(name: string, make: MakeReadStore): void {
  describe(`${name} keeps the contract of a read store`, () => {
    const given = useReadStore(make);
    describe('a commit', () => commitContract(given));
    describe('a find', () => findContract(given));
    describe('an aggregate', () => aggregateContract(given));
    describe('a generation', () => generationContract(given));
  });
}
