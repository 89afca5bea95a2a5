/** For specs: records written by the ledger's own decider, and the plainest fold of them. */

export * from './fold';
export * from './kept-views';
export * from './record';
