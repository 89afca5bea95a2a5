import type { ClientCall } from './answered-call';

/** How the calls of a run ended, counted. */
export class CallCounts {
  total = 0;
  acknowledged = 0;
  replayed = 0;
  /** Cut off: by a kill, or by a client that lost its patience. */
  broken = 0;
  /** Other answers, by status and code. */
  readonly refused = new Map<string, number>();

  add(ended: readonly ClientCall[]): void {
    this.total += ended.length;
    for (const { end } of ended) {
      if (end.kind === 'broken') this.broken += 1;
      else if (end.kind === 'refused') {
        const code = end.status === 0 ? end.code : `${end.status} ${end.code}`;
        this.refused.set(code, (this.refused.get(code) ?? 0) + 1);
      } else {
        this.acknowledged += 1;
        if (end.isReplay) this.replayed += 1;
      }
    }
  }

  /** Two lines for the report. */
  get lines(): string[] {
    const refused = [...this.refused].map(([code, count]) => `${code}: ${count}`);
    return [
      `calls        ${this.total}: ${this.acknowledged} acknowledged (${this.replayed} replays), ${this.broken} cut off`,
      `other ends   ${refused.join(', ') || 'none'}`,
    ];
  }
}
