import fc from 'fast-check';
import {
  afterFailure,
  afterFirstOutput,
  afterSignOfLife,
  afterSuccess,
  type Circuit,
  CLOSED_CIRCUIT,
  circuitStatus,
  withTrial,
} from './circuit';

const settings = { failuresMax: 3, openMs: 1_000 };
const fail = (circuit: Circuit, nowMs: number) => afterFailure(circuit, 'refused', nowMs, settings);
const status = (circuit: Circuit, nowMs: number) => circuitStatus(circuit, nowMs, settings);
const broken = fail(fail(fail(CLOSED_CIRCUIT, 0), 10), 20);

describe('a circuit', () => {
  it('opens after a run of failures, not before', () => {
    expect(status(fail(fail(CLOSED_CIRCUIT, 0), 10), 10)).toBe('closed');
    expect(status(broken, 20)).toBe('open');
    expect(broken.lastFailure).toBe('refused');
  });

  it('forgets a run that a success ends', () => {
    expect(status(fail(afterSuccess(fail(fail(CLOSED_CIRCUIT, 0), 1)), 2), 2)).toBe('closed');
  });

  it('lets one call through after its pause, and none beside it', () => {
    expect(status(broken, 1_019)).toBe('open');
    expect(status(broken, 1_020)).toBe('half-open');
    const trying = withTrial(broken, 1_020);
    expect(status(trying, 1_500)).toBe('open');
    expect(status(afterSuccess(trying), 1_500)).toBe('closed');
    expect(status(fail(trying, 1_500), 1_501)).toBe('open');
  });

  it('lets others through once its trial has begun to answer, and none again if that breaks off', () => {
    const answering = afterFirstOutput(withTrial(broken, 1_020), settings);
    expect(status(answering, 1_021)).toBe('closed');
    expect(status(fail(answering, 1_022), 1_022)).toBe('open');
    expect(afterSuccess(answering)).toBe(CLOSED_CIRCUIT);
    const wavering = fail(CLOSED_CIRCUIT, 0);
    expect(afterFirstOutput(wavering, settings)).toBe(wavering);
  });

  it('lets a call through at once after a sign of life, and only its success closes it', () => {
    const alive = afterSignOfLife(broken, 21, settings);
    expect(status(alive, 21)).toBe('half-open');
    expect(status(fail(alive, 22), 22)).toBe('open');
    expect(status(afterSuccess(alive), 22)).toBe('closed');
    expect(afterSignOfLife(CLOSED_CIRCUIT, 21, settings)).toBe(CLOSED_CIRCUIT);
  });

  it('tries again when a trial never came back', () => {
    expect(status(withTrial(broken, 1_020), 2_020)).toBe('half-open');
  });

  it('is closed by any success, whatever came before', () =>
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 50 }), (history) => {
        const circuit = history.reduce(
          (before, succeeded, at) => (succeeded ? afterSuccess(before) : fail(before, at)),
          CLOSED_CIRCUIT,
        );
        expect(status(afterSuccess(circuit), history.length)).toBe('closed');
      }),
    ));
});
