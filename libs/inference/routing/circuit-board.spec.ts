import fc from 'fast-check';
import { type BackendId, epochMs, type ModelId, type OrganizationId } from '#kernel';
import { type CallPlace, CircuitBoard } from './circuit-board';

const settings = { failuresMax: 3, openMs: 1_000 };
const backendId = 'bkd_a' as BackendId;
const place = (org: string, model = 'model'): CallPlace => ({
  backendId,
  orgId: `org_${org}` as OrganizationId,
  model: model as ModelId,
});
const [mine, theirs] = [place('mine'), place('theirs')];

function boardWith(...failures: readonly CallPlace[]): CircuitBoard {
  const board = new CircuitBoard(settings);
  for (const at of failures) board.failed(at, 'status-500', 0);
  return board;
}

function unreachable(times: number): CircuitBoard {
  const board = new CircuitBoard(settings);
  for (let i = 0; i < times; i += 1) board.unreachable(backendId, 'ECONNREFUSED', 0);
  return board;
}

describe('failures that a request may have to do with', () => {
  it('keep its own organization from the backend, for this model, and nobody else', () => {
    const board = boardWith(mine, mine, mine);
    expect(board.healthOf(mine, 0)).toBe('down');
    expect(board.healthOf(place('mine', 'other'), 0)).toBe('well');
    expect(board.healthOf(theirs, 0)).toBe('well');
    expect(board.ownOf(backendId, 10)).toMatchObject([{ orgId: 'org_mine', model: 'model' }]);
  });

  it('use up no trial but their own', () => {
    const board = unreachable(3);
    // A tenant takes the trial, and provokes an error: its connection has stood, and that was the question.
    expect([board.healthOf(mine, 1_000), board.healthOf(theirs, 1_000)]).toEqual(['on-trial', 'on-trial']);
    board.sending(mine, 1_000);
    expect(board.healthOf(theirs, 1_001)).toBe('down');
    board.connected(mine);
    board.failed(mine, 'status-500', 1_002);
    expect(board.healthOf(theirs, 1_002)).toBe('well');
  });

  it('a trial whose client leaves before anything is known is given to the next', () => {
    const board = unreachable(3);
    board.sending(mine, 1_000);
    board.givenUp(mine);
    expect(board.healthOf(theirs, 1_001)).toBe('on-trial');
  });
});

describe('connections that fail', () => {
  it('count for all at once, whoever met them', () => {
    expect(unreachable(2).healthOf(mine, 0)).toBe('well');
    expect(unreachable(3).healthOf(mine, 0)).toBe('down');
    expect(unreachable(3).healthOf(theirs, 0)).toBe('down');
  });

  it('a probe that is answered lets one call through at once', () => {
    const board = unreachable(3);
    board.probed(backendId, true, 10, epochMs(10));
    expect(board.healthOf(mine, 10)).toBe('on-trial');
    expect(board.sharedOf(backendId).lastCheckedAt).toBe(10);
  });
});

type Step = (board: CircuitBoard, at: CallPlace, nowMs: number) => void;
const STEPS: readonly Step[] = [
  (board, at, nowMs) => board.failed(at, 'status-500', nowMs),
  (board, at, nowMs) => board.sending(at, nowMs),
  (board, at) => board.answering(at),
  (board, at) => board.succeeded(at),
  (board, at) => board.givenUp(at),
  (board, at) => board.connected(at),
];

describe('whatever one tenant does with requests of its own', () => {
  const history = fc.array(fc.tuple(fc.constantFrom(...STEPS), fc.constantFrom('a', 'b', 'c'), fc.nat(3_000)), {
    maxLength: 60,
  });

  it('another is sent to a backend that can be reached', () =>
    fc.assert(
      fc.property(history, (steps) => {
        const board = new CircuitBoard(settings);
        let nowMs = 0;
        for (const [step, model, passedMs] of steps) {
          nowMs += passedMs;
          step(board, place('mine', model), nowMs);
          for (const other of ['a', 'b', 'c']) expect(board.healthOf(place('theirs', other), nowMs)).toBe('well');
        }
      }),
    ));

  it('no more is remembered than there is room for', () =>
    fc.assert(
      fc.property(fc.array(fc.nat(40), { maxLength: 200 }), (failures) => {
        const board = new CircuitBoard(settings, 7);
        for (const model of failures) board.failed(place('mine', `model-${model}`), 'status-500', 0);
        expect(board.ownCount).toBeLessThanOrEqual(7);
      }),
    ));
});
