import type { Clock } from '#kernel';

export interface BoundedLinesOptions {
  readonly windowMs: number;
  /** Lines of one subject in a window. */
  readonly linesPerSubjectMax: number;
  /** Lines of all subjects in a window. */
  readonly linesMax: number;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** Told at the end of a window how many lines were left out, of how many subjects, and whose were most. */
  readonly report: (suppressed: SuppressedLines) => void;
}

export interface SuppressedLines {
  readonly lines: number;
  readonly subjects: number;
  /** Those with the most lines, and how many each. */
  readonly most: Readonly<Record<string, number>>;
}

/** Subjects that are told apart in a window; what others write is left out beyond the lines of all. */
const SUBJECTS_MAX = 10_000;
const NAMED_MAX = 5;

/** Decides which lines are written of what anybody can cause as often as they like, and counts the others. */
export class BoundedLines {
  private readonly lines = new Map<string, { written: number; suppressed: number }>();
  private written = 0;
  private others = 0;
  private timer: NodeJS.Timeout | undefined;
  private untilMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: BoundedLinesOptions) {}

  /** Whether one more line about a subject is written. */
  admits(subject: string): boolean {
    const { clock, windowMs, linesPerSubjectMax, linesMax } = this.options;
    if (clock.monotonicMs() >= this.untilMs) {
      this.flush();
      this.untilMs = clock.monotonicMs() + windowMs;
    }
    const count = this.countOf(subject);
    if (count !== undefined && this.written < linesMax && count.written < linesPerSubjectMax) {
      count.written += 1;
      this.written += 1;
      return true;
    }
    if (count === undefined) this.others += 1;
    else count.suppressed += 1;
    this.timer ??= setTimeout(() => this.flush(), windowMs).unref();
    return false;
  }

  /** Ends the window, and reports what it left out. */
  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const suppressed = [...this.lines].filter(([, count]) => count.suppressed > 0);
    const lines = suppressed.reduce((sum, [, count]) => sum + count.suppressed, this.others);
    const most = suppressed.sort(([, a], [, b]) => b.suppressed - a.suppressed).slice(0, NAMED_MAX);
    const report = {
      lines,
      subjects: suppressed.length,
      most: Object.fromEntries(most.map(([subject, count]) => [subject, count.suppressed])),
    };
    this.lines.clear();
    this.written = 0;
    this.others = 0;
    this.untilMs = Number.NEGATIVE_INFINITY;
    if (lines > 0) this.options.report(report);
  }

  private countOf(subject: string) {
    const known = this.lines.get(subject);
    if (known !== undefined || this.lines.size >= SUBJECTS_MAX) return known;
    const count = { written: 0, suppressed: 0 };
    this.lines.set(subject, count);
    return count;
  }
}
