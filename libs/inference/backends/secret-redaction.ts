import { foreignText } from '#kernel';
import type { BackendError } from './trouble';

/** Takes a credential out of a text that its backend wrote, in whatever form it stands there. */
export type Redact = (text: string) => string;

const MARK = '[redacted]';
/** Of a text no more is looked at, nor kept. */
const TEXT_CHARACTERS_MAX = 4_096;
/** A run of so many characters of a credential is taken for it; of a long one, half of it. */
const RUN_CHARACTERS_MIN = 8;

const NOTHING_TO_REDACT: Redact = (text) => text;

/** How the bytes of a secret look in base64 wherever they stand among others: the characters that are theirs alone. */
function base64Forms(secret: string, encoding: 'base64' | 'base64url'): readonly string[] {
  return [0, 1, 2].map((before) => {
    const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(secret)]);
    const whole = bytes.toString(encoding).replace(/=+$/, '');
    const isCut = bytes.length % 3 !== 0;
    return whole.slice(Math.ceil((before * 8) / 6), isCut ? -1 : undefined);
  });
}

/** The secret as headers, URLs, JSON and dumps of them write it. */
function formsOf(secret: string): readonly string[] {
  const percent = (text: string) => Buffer.from(text).toString('hex').replaceAll(/../g, '%$&');
  const forms = [
    secret,
    JSON.stringify(secret).slice(1, -1),
    JSON.stringify(JSON.stringify(secret)).slice(3, -3),
    secret.replaceAll(/[^A-Za-z0-9]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`),
    encodeURIComponent(secret),
    secret.replaceAll(/[^A-Za-z0-9]/g, percent),
    percent(secret),
    Buffer.from(secret).toString('hex'),
    ...base64Forms(secret, 'base64'),
    ...base64Forms(secret, 'base64url'),
  ];
  return [...new Set(forms.map((form) => form.toLowerCase()))];
}

interface Runs {
  readonly length: number;
  readonly texts: ReadonlySet<string>;
}

function runsOf(form: string): Runs {
  const length = Math.min(form.length, Math.max(RUN_CHARACTERS_MIN, Math.ceil(form.length / 2)));
  const texts = new Set<string>();
  for (let at = 0; at + length <= form.length; at += 1) texts.add(form.slice(at, at + length));
  return { length, texts };
}

function withoutRuns(text: string, forms: readonly Runs[]): string {
  const lower = text.toLowerCase();
  // Some letters have a lower case of another length: then positions say nothing, and nothing of the text is kept.
  if (lower.length !== text.length) return forms.some((runs) => holds(lower, runs)) ? MARK : text;
  const isSecret = new Uint8Array(text.length);
  for (const { length, texts } of forms)
    for (let at = 0; at + length <= lower.length; at += 1)
      if (texts.has(lower.slice(at, at + length))) isSecret.fill(1, at, at + length);
  if (!isSecret.includes(1)) return text;
  let kept = '';
  for (let at = 0; at < text.length; at += 1)
    if (isSecret[at] === 0) kept += text.charAt(at);
    else if (isSecret[at - 1] !== 1) kept += MARK;
  return kept;
}

function holds(lower: string, { length, texts }: Runs): boolean {
  for (let at = 0; at + length <= lower.length; at += 1) if (texts.has(lower.slice(at, at + length))) return true;
  return false;
}

/** A short word, as local servers are content with, may be part of any other: it goes only where it stands alone. */
function withoutWord(text: string, word: string): string {
  const escaped = word.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
  return text.replaceAll(new RegExp(`(?<![A-Za-z0-9])${escaped}(?![A-Za-z0-9])`, 'g'), MARK);
}

/** @param secret the credential that was sent; undefined: none was. */
export function redactorOf(secret: string | undefined): Redact {
  if (secret === undefined || secret === '') return NOTHING_TO_REDACT;
  if (secret.length < RUN_CHARACTERS_MIN) return (text) => withoutWord(text.slice(0, TEXT_CHARACTERS_MAX), secret);
  let forms: readonly Runs[] | undefined;
  return (text) => {
    forms ??= formsOf(secret).map(runsOf);
    return withoutRuns(text.slice(0, TEXT_CHARACTERS_MAX), forms);
  };
}

function wordWithout(word: string | undefined, redact: Redact): string | undefined {
  return word === undefined || redact(word) !== word ? undefined : word;
}

/** A code that holds the credential is none, and is left out. */
export function redactedError({ code, type, message }: BackendError, redact: Redact = NOTHING_TO_REDACT): BackendError {
  const cleanCode = wordWithout(code, redact);
  const cleanType = wordWithout(type, redact);
  return {
    ...(cleanCode === undefined ? {} : { code: cleanCode }),
    ...(cleanType === undefined ? {} : { type: cleanType }),
    ...(message === undefined ? {} : { message: foreignText(redact(message)) }),
  };
}
