import { type Comparison, differenceSentence, type Progress } from '#store-copy';

export interface Streams {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** What a command tells on its way, and in the end. */
export interface Output {
  note(sentence: string): void;
  progress(progress: Progress): void;
  result(result: Result): void;
}

export interface Result {
  readonly verdict: 'equal' | 'different' | 'incomplete' | 'refused';
  /** One sentence for people. */
  readonly sentence: string;
  readonly from: string;
  readonly to: string;
  readonly copied?: { readonly found: number; readonly written: number; readonly seconds: number };
  readonly comparison?: Comparison;
}

function progressLine({ phase, events, eventsPerSecond, secondsLeft }: Progress): string {
  const left = secondsLeft === undefined ? '' : `, ${duration(secondsLeft)} left`;
  return `${phase}: ${events} events, ${eventsPerSecond} events/s${left}\n`;
}

function duration(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function rate(events: number, seconds: number): string {
  return seconds < 0.001 ? '' : `, ${Math.round(events / seconds)} events/s`;
}

function resultText({ sentence, from, to, copied, comparison }: Result): string {
  const lines: string[] = [];
  if (copied !== undefined)
    lines.push(
      `found    ${copied.found} events in the target`,
      `written  ${copied.written} events in ${copied.seconds.toFixed(1)} s${rate(copied.written, copied.seconds)}`,
    );
  if (comparison !== undefined) {
    for (const [label, name, { events, streams, digest }] of [
      ['source', from, comparison.source],
      ['target', to, comparison.target],
    ] as const)
      lines.push(`${label}   ${name}`, `         ${events} events, ${streams} streams, sha256 ${digest}`);
    for (const stream of comparison.leftOut)
      lines.push(`left out ${stream}: heartbeats without their beginning; they hold nothing but liveness`);
  }
  return `${[...lines, sentence].join('\n')}\n`;
}

/** Numbers of positions exceed what JSON readers keep exactly, so they are written as text. */
function toJson(value: unknown): string {
  return JSON.stringify(value, (_, field: unknown) => (typeof field === 'bigint' ? field.toString() : field));
}

function resultJson({ comparison, ...result }: Result): string {
  if (comparison === undefined) return toJson(result);
  const { difference, ...rest } = comparison;
  return toJson({
    ...result,
    ...rest,
    source: { name: result.from, ...comparison.source },
    target: { name: result.to, ...comparison.target },
    ...(difference === undefined ? {} : { difference: differenceSentence(difference) }),
  });
}

export function textOutput({ out, err }: Streams): Output {
  return {
    note: (sentence) => err(`${sentence}\n`),
    progress: (progress) => err(progressLine(progress)),
    result: (result) => out(resultText(result)),
  };
}

export function jsonOutput({ out, err }: Streams): Output {
  return {
    note: (sentence) => err(`${toJson({ note: sentence })}\n`),
    progress: (progress) => err(`${toJson(progress)}\n`),
    result: (result) => out(`${resultJson(result)}\n`),
  };
}
