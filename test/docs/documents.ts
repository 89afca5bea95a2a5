import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '#testing/platform-process';

/** A fenced block of a document. */
export interface Fence {
  readonly language: string;
  readonly text: string;
  /** Of its first line; counts from 1, as editors do. */
  readonly line: number;
  /** Whether the line before it says `<!-- tested -->`. */
  readonly isTested: boolean;
}

export interface Document {
  /** From the project's root. */
  readonly path: string;
  readonly text: string;
  readonly fences: readonly Fence[];
}

const MARKER = '<!-- tested -->';
const FENCE = /^```(\w*)\s*$/;

function fencesOf(text: string): readonly Fence[] {
  const fences: Fence[] = [];
  const lines = text.split('\n');
  for (let at = 0; at < lines.length; at += 1) {
    const language = FENCE.exec(lines[at] ?? '')?.[1];
    if (language === undefined) continue;
    const end = lines.indexOf('```', at + 1);
    if (end === -1) throw new Error(`the block in line ${at + 1} has no end`);
    const before = lines.slice(0, at).findLast((line) => line.trim() !== '');
    const content = lines.slice(at + 1, end).join('\n');
    fences.push({ language, text: content, line: at + 2, isTested: before === MARKER });
    at = end;
  }
  return fences;
}

export function readDocument(path: string): Document {
  const text = readFileSync(join(projectRoot(), path), 'utf8');
  return { path, text, fences: fencesOf(text) };
}

/** Everything that is written for people: the two at the root, and what lies in docs. */
export function allDocuments(): readonly Document[] {
  const inDocs = readdirSync(join(projectRoot(), 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((name) => `docs/${name}`);
  return ['README.md', 'CONTRIBUTING.md', ...inDocs].filter(isThere).map(readDocument);
}

function isThere(path: string): boolean {
  return existsSync(join(projectRoot(), path));
}

/** Rows of the first table under a heading, without its head; code marks are taken off. */
export function tableUnder({ path, text }: Document, heading: string): readonly (readonly string[])[] {
  const [, section] = text.split(`\n${heading}\n`);
  if (section === undefined) throw new Error(`${path} has no heading "${heading}"`);
  const [body = ''] = section.split(/\n#{1,6} /);
  const lines = body.split('\n');
  const start = lines.findIndex((line) => line.startsWith('|'));
  const end = lines.findIndex((line, at) => at > start && !line.startsWith('|'));
  return lines.slice(start + 2, end === -1 ? undefined : end).map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim().replaceAll('`', '')),
  );
}

/** The first column of a table, in which one row may name several things. */
export function namesUnder(document: Document, heading: string): readonly string[] {
  return tableUnder(document, heading).flatMap(([names = '']) => names.split(', '));
}
