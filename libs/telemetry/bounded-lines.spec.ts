import { BoundedLines, type SuppressedLines } from './bounded-lines';

function bounded() {
  const clock = { ms: 0 };
  const reports: SuppressedLines[] = [];
  const lines = new BoundedLines({
    windowMs: 10_000,
    linesPerSubjectMax: 3,
    linesMax: 5,
    clock: { monotonicMs: () => clock.ms },
    report: (suppressed) => reports.push(suppressed),
  });
  const write = (subject: string, times: number) =>
    Array.from({ length: times }, () => lines.admits(subject)).filter((isWritten) => isWritten).length;
  return { clock, reports, lines, write };
}

describe('lines about what anybody can cause', () => {
  it('are bounded for each subject and for all, and begin anew with each window', () => {
    const { clock, write } = bounded();
    expect([write('a', 10), write('b', 10), write('c', 10)]).toEqual([3, 2, 0]);
    clock.ms = 10_000;
    expect(write('c', 10)).toBe(3);
  });

  it('that were left out are one report', () => {
    const { clock, reports, lines, write } = bounded();
    write('a', 10);
    write('b', 3);
    clock.ms = 10_000;
    write('c', 1);
    expect(reports).toEqual([{ lines: 8, subjects: 2, most: { a: 7, b: 1 } }]);
    lines.flush();
    expect(reports).toHaveLength(1);
  });
});
