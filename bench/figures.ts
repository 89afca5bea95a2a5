/** One aim of the platform's performance, with what was measured; `undefined` where it could not be. */
export interface Aim {
  readonly what: string;
  readonly aim: string;
  readonly measured: string;
  readonly isMet: boolean | undefined;
}

/** What one section of the bench found: a table for people, aims, and all figures for programs. */
export interface SectionResult {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly notes: readonly string[];
  readonly aims: readonly Aim[];
  readonly figures: unknown;
}

export function fixed(value: number | undefined, decimals = 1): string {
  return value === undefined || Number.isNaN(value) ? '–' : value.toFixed(decimals);
}

function tableOf(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ');
  return [line(columns), widths.map((width) => '-'.repeat(width)).join('  '), ...rows.map(line)].join('\n');
}

export function sectionText({ title, columns, rows, notes }: SectionResult): string {
  return [`\n${title}`, ...(rows.length === 0 ? [] : [tableOf(columns, rows)]), ...notes, ''].join('\n');
}

export function aimsText(aims: readonly Aim[]): string {
  const verdict = (isMet: boolean | undefined): string => (isMet === undefined ? 'unknown' : isMet ? 'met' : 'MISSED');
  const rows = aims.map(({ what, aim, measured, isMet }) => [what, aim, measured, verdict(isMet)]);
  return `\nAims\n${tableOf(['what', 'aim', 'measured', ''], rows)}\n`;
}
