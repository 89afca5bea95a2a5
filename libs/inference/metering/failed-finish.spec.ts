import { failedFinish } from './failed-finish';

const SILENT = { textBytes: 0, deltas: 0 };
const ABSENT = { kind: 'absent' } as const;
const counted = (output: number) =>
  ({ kind: 'reported', usage: { input: 3, cachedInput: 0, cacheWrite: 0, output } }) as const;

describe('failedFinish', () => {
  it.each(['error', 'ABORT', 'network_error', 'MALFORMED_FUNCTION_CALL'])('%s is a failure', (reason) => {
    expect(failedFinish([reason], ABSENT, SILENT)).toEqual({ kind: 'backend-error', error: { code: reason } });
  });

  it.each([['stop'], ['length'], ['end_turn'], [undefined], [null], [7]])('%j is none', (reason) => {
    expect(failedFinish([reason], ABSENT, SILENT)).toBeUndefined();
  });

  it('is no error before any output where something was generated, seen or counted', () => {
    const billed = { kind: 'garbage', reason: 'failed-finish' };
    expect(failedFinish(['error'], ABSENT, { textBytes: 3, deltas: 1 })).toEqual(billed);
    expect(failedFinish(['error'], ABSENT, { ...SILENT, isPartial: true })).toEqual(billed);
    expect(failedFinish(['error'], counted(9), SILENT)).toEqual(billed);
    expect(failedFinish(['error'], counted(0), SILENT)).toMatchObject({ kind: 'backend-error' });
  });

  it('takes all choices to have failed', () => {
    expect(failedFinish(['error', 'stop'], ABSENT, SILENT)).toBeUndefined();
    expect(failedFinish(['error', undefined], ABSENT, SILENT)).toBeUndefined();
    expect(failedFinish(['error', 'abort'], ABSENT, SILENT)).toBeDefined();
    expect(failedFinish([], ABSENT, SILENT)).toBeUndefined();
  });
});
