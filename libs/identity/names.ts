import type { Branded } from '#kernel';

/** What people call an organization, a project, a key …; normalized, so that what looks the same is the same. */
export type Name = Branded<string, 'Name'>;

/** In Unicode code points. */
export const NAME_CHARACTERS_MAX = 120;
export const REASON_CHARACTERS_MAX = 500;

/** Control characters, line separators, and the marks that turn the direction of text: they could disguise a name. */
const DISGUISES = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

function parseText(text: string, charactersMax: number): string | undefined {
  // Bounds the work of normalizing; nothing that long normalizes to so few characters.
  if (text.length > 6 * charactersMax || !text.isWellFormed()) return undefined;
  const normalized = text.normalize('NFC').trim();
  const characters = [...normalized].length;
  if (characters === 0 || characters > charactersMax || DISGUISES.test(normalized)) return undefined;
  return normalized;
}

/** Parses a name of 1 to 120 characters, trimmed and in NFC; anything else is `undefined`. */
export function parseName(text: string): Name | undefined {
  return parseText(text, NAME_CHARACTERS_MAX) as Name | undefined;
}

/** What two names of one kind may not share: they differ in more than case or compatibility forms. */
export function nameKey(name: string): string {
  return name.normalize('NFKC').toLowerCase();
}

/** Parses why somebody did something: 1 to 500 characters on one line, trimmed. */
export function parseReason(text: string): string | undefined {
  return parseText(text, REASON_CHARACTERS_MAX);
}

/** Parses a description of at most `charactersMax` characters on one line. */
export function parseDescription(text: string, charactersMax: number): string | undefined {
  return parseText(text, charactersMax);
}

export const NAME_RULE = `a name has 1 to ${NAME_CHARACTERS_MAX} characters and none that are invisible controls`;
export const REASON_RULE = `say why in 1 to ${REASON_CHARACTERS_MAX} characters on one line`;
